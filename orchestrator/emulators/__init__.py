"""Stand-in services, for tests and for people without an account.

An emulator plays the server's side and never imports a backend: a misreading that both shared would
cancel out. It keeps its state below one folder, survives being killed, and really does the work.
"""
