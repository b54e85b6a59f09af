"""`make verify`: asks a real Snov.io account what the API's reference leaves open. See `__main__.py`.

It has its own client and its own reading of the API, so that the connector and it cannot share a mistake. From
`source_snov` it takes only the schemas, which are what it checks, and the masking of secrets.
"""
