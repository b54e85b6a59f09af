"""Makes an HTML page of campaign figures from the tables of the dbt models."""
