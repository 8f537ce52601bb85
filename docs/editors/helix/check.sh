#!/bin/sh
# Drives a Helix in a terminal of its own, with the languages.toml beside this file: a mistake has to show, and a completion.
#   PATH=$PWD/bin:$PATH docs/editors/helix/check.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for tool in hx spinbot script; do
	command -v "$tool" >/dev/null || { echo "check: $tool is missing; Helix is hx in Debian 13 (apt-get install hx), script is in util-linux" >&2; exit 1; }
done
dir=$(mktemp -d)
pid=""
trap 'exec 3>&-; [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/home/.config/helix"
cp "$here/languages.toml" "$dir/home/.config/helix/"
printf 'pipeline "film" {}\nvariable "topic" {\n  type = string\n}\nnode "control.storyboard" "plan" {\n  article = var.topic\n}\n' >"$dir/film.hcl"
mkfifo "$dir/keys"
HOME=$dir/home XDG_CONFIG_HOME=$dir/home/.config script -qfc "stty cols 160 rows 40; hx '$dir/film.hcl'" "$dir/screen" <"$dir/keys" >/dev/null 2>&1 &
pid=$!
exec 3>"$dir/keys"
: >>"$dir/screen"

# see WHAT TEXT: the screen has shown TEXT. Where the screen was blank before, Helix writes no blanks.
see() {
	for _ in $(seq 400); do
		if tr -d '\r' 2>/dev/null <"$dir/screen" | sed 's/\x1b\[[0-9;?:]*[a-zA-Z]//g' | grep -q -- "$2"; then
			echo "ok: $1"
			return
		fi
		sleep 0.05
	done
	echo "never: $1" >&2
	exit 1
}

see "the pipeline is open" storyboard
see "a mistake is marked" ●
printf ' d' >&3 # the list of what is wrong
see "a mistake is explained" "want *an *artifact"
printf '\0036Go  target_seconds = len' >&3
see "a function is proposed" length
