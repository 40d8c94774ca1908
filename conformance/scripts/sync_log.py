"""`wandb sync` of a run's folder, as a user types it."""
import subprocess
import sys

sys.exit(subprocess.call([sys.executable, "-m", "wandb", "sync", *sys.argv[1:]], timeout=500))
