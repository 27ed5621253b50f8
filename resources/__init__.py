"""What we hold: the lake, the way to the venues, the universe file.

What lives here: thin Dagster resources around the library's own objects, and the files people edit. What does
not: any logic (``qmd_platform``).
"""
