#!/bin/sh
# The compiler, as cargo calls it for this workspace: `covered` counts what it runs.
case " $* " in
  *" --crate-name covered "*) exec "$@" -C instrument-coverage ;;
  *) exec "$@" ;;
esac
