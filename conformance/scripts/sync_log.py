"""`wandb sync` of a run's folder, as a user types it; ends with 124 when that takes longer than SYNC_SECONDS."""
import os
import subprocess
import sys

limit = float(os.environ.get("SYNC_SECONDS", "200"))
try:
    sys.exit(subprocess.call([sys.executable, "-m", "wandb", "sync", *sys.argv[1:]], timeout=limit))
except subprocess.TimeoutExpired:
    sys.exit(124)
