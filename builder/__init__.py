"""The connector as a single YAML file, for the Connector Builder of Airbyte Cloud."""
