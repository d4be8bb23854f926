"""Reporting: what was published, told to people.

Belongs here: the summary for the terminal and the HTML page, both read from the serving file alone. Does not
belong here: any number that is not in the serving file, and anything that opens the work database.
"""
