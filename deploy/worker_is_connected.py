"""The worker's health check: exit status 0 while this container holds a connection to Temporal."""

import os
import sys

import psutil

port = int(os.environ["BOOMERANG_TEMPORAL_ADDRESS"].rpartition(":")[2])
connections = psutil.net_connections("tcp")
connected = any(c.status == psutil.CONN_ESTABLISHED and getattr(c.raddr, "port", None) == port for c in connections)
sys.exit(0 if connected else 1)
