"""Many styles for many people: job sheets, and the engines and queues that work through them.

The highest floor of the core. Only the command line and the node Save Job Sheet import it; nothing here
imports ray or torch before a job needs it.
"""
