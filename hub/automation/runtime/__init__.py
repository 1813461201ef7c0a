"""The engine at work: what starts runs, what lets them go on, and the runs themselves."""
