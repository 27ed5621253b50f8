"""Data quality: rules as data, offenders by name, Great Expectations suites made from the rules.

What lives here: the rules, the pure functions that find offending rows, the translation to Great Expectations, and
the small picture a receipt shows. What does not: Dagster's asset checks (``assets``), what to do about an offender
(``ingest``).
"""
