"""Data quality: rules as data, offenders by name, Great Expectations suites made from the rules.

What lives here: the rules, the pure functions that find offending rows, and the translation to Great
Expectations. What does not: Dagster's asset checks (``assets``), what to do about an offender (``ingest``).
"""
