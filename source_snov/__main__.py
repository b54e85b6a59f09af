from source_snov.run import run

run()
