"""One page of campaign figures, to open in a browser, made of the tables that the dbt models write."""
