"""When we act: sensors and schedules.

What lives here: the clockwork. What does not: what is done then (``assets``), or what is worth doing
(``qmd_platform.coverage``).
"""
