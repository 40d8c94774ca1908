/**
 * What a container does before its shell: installs the Python client where there is Python and no client, shows the
 * command that is to be run and keeps it in the shell's history. Given to `sh -c`: no file of this machine is mounted,
 * so docker may be on another one.
 */
export const ENTRYPOINT = `set -e
if command -v python >/dev/null && ! command -v wandb >/dev/null; then
  echo "wandb is not installed, installing" >&2
  python -m pip install wandb
fi
if [ "$WANDB_ENSURE_JUPYTER" = 1 ] && ! command -v jupyter-lab >/dev/null; then
  echo "jupyter is not installed, installing" >&2
  python -m pip install jupyterlab
fi
if [ -n "$WANDB_COMMAND" ]; then
  printf '%s\\n' "$WANDB_COMMAND" >> ~/.bash_history
  printf 'Command added to history, press up arrow to access it:\\n%s\\n' "$WANDB_COMMAND" >&2
fi
exec "$@"`;
