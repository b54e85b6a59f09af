"""Syncs of several streams that meet several faults at once end, sync after sync, in the tables of undisturbed ones."""



