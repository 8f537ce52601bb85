#!/bin/sh
# Installs spinbot from a release, or another version over it:
#   curl -fsSL https://github.com/myspinbot/spinbot/releases/latest/download/install.sh | sh
# It needs tar, curl or wget, and sha256sum or shasum. What can be set:
#   SPINBOT_RELEASES   where releases are (default https://github.com/myspinbot/spinbot/releases)
#   SPINBOT_VERSION    which one, such as 0.1.0 (default: the latest)
#   PREFIX             where to (default: ~/.local, or /usr/local for root)
# It writes PREFIX/lib/spinbot, which is replaced whole, and the link PREFIX/bin/spinbot. Configuration and state are elsewhere,
# and stay.
set -eu

say() { printf '%s\n' "$*"; }
fail() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# platform prints what archives are called by, such as linux_amd64.
platform() {
	system=$(uname -s)
	machine=$(uname -m)
	case $system-$machine in
	Linux-x86_64 | Linux-amd64) say linux_amd64 ;;
	Linux-aarch64 | Linux-arm64) say linux_arm64 ;;
	Darwin-arm64) say darwin_arm64 ;;
	*) fail "there is no release for $system on $machine, only for Linux on x86_64 and aarch64 and macOS on arm64; build it: https://github.com/myspinbot/spinbot#readme" ;;
	esac
	if [ "$system" = Linux ] && ls /lib/ld-musl-* >/dev/null 2>&1 && ! ls /lib*/ld-linux-* /lib/*/ld-linux-* >/dev/null 2>&1; then
		fail "this system has musl, and releases need glibc 2.34 or newer; build it with CGO_ENABLED=0 make build: https://github.com/myspinbot/spinbot#readme"
	fi
}

# fetch ADDRESS FILE
fetch() {
	if have curl; then
		curl -fsSL --retry 2 -o "$2" "$1" || fail "$1 cannot be fetched; look at the message above, or set SPINBOT_RELEASES to where releases are"
	elif have wget; then
		wget -q -O "$2" "$1" || fail "$1 cannot be fetched; try wget with it, or set SPINBOT_RELEASES to where releases are"
	else
		fail "neither curl nor wget is here; install one of them"
	fi
}

# sum FILE
sum() {
	if have sha256sum; then
		sha256sum "$1" | cut -d ' ' -f 1
	elif have shasum; then
		shasum -a 256 "$1" | cut -d ' ' -f 1
	else
		fail "neither sha256sum nor shasum is here, and what is not verified is not installed"
	fi
}

# clean removes what is left when something fails, and puts the version before back.
clean() {
	rm -rf "$work" "$lib.new"
	if [ -d "$lib.old" ] && [ ! -d "$lib" ]; then mv "$lib.old" "$lib"; fi
}

main() {
	on=$(platform)
	releases=${SPINBOT_RELEASES:-https://github.com/myspinbot/spinbot/releases}
	if [ -n "${SPINBOT_VERSION:-}" ]; then
		from=$releases/download/v${SPINBOT_VERSION#v}
	else
		from=$releases/latest/download
	fi
	if [ -z "${PREFIX:-}" ]; then
		if [ "$(id -u)" = 0 ]; then PREFIX=/usr/local; else PREFIX=${HOME:?}/.local; fi
	fi
	lib=$PREFIX/lib/spinbot
	if [ -e "$lib" ] && [ ! -x "$lib/spinbot" ]; then
		fail "$lib is there and was not made by this script; move it away, or set PREFIX"
	fi
	if [ -e "$PREFIX/bin/spinbot" ] && [ ! -L "$PREFIX/bin/spinbot" ]; then
		fail "$PREFIX/bin/spinbot is there and was not made by this script; move it away, or set PREFIX"
	fi

	work=$(mktemp -d)
	trap clean EXIT
	trap 'exit 130' HUP INT TERM
	fetch "$from/checksums.txt" "$work/checksums.txt"
	archive=$(sed -n "s/^[0-9a-f]\{64\}  \(spinbot_[^/]*_$on\.tar\.gz\)\$/\1/p" "$work/checksums.txt")
	case $archive in
	*.tar.gz) ;;
	*) fail "$from/checksums.txt names no archive for $on" ;;
	esac
	say "fetching $from/$archive"
	fetch "$from/$archive" "$work/$archive"
	want=$(sed -n "s/^\([0-9a-f]*\)  $archive\$/\1/p" "$work/checksums.txt")
	got=$(sum "$work/$archive")
	if [ "$got" != "$want" ]; then
		fail "$archive has the checksum $got instead of $want: it is not what was released, or broke off; nothing was changed, try again"
	fi

	mkdir -p "$PREFIX/lib" "$PREFIX/bin"
	rm -rf "$lib.new" "$lib.old"
	mkdir "$lib.new"
	tar -xzf "$work/$archive" -C "$lib.new" --strip-components 1
	version=$("$lib.new/spinbot" version) || fail "the spinbot of $archive does not run on this machine; nothing was changed. On Linux it needs glibc 2.34 or newer"
	if [ -d "$lib" ]; then mv "$lib" "$lib.old"; fi
	mv "$lib.new" "$lib"
	ln -sfn ../lib/spinbot/spinbot "$PREFIX/bin/spinbot"
	rm -rf "$lib.old"

	say "installed $version in $lib, with the link $PREFIX/bin/spinbot"
	case ":$PATH:" in
	*":$PREFIX/bin:"*) say "next: spinbot demo (it needs what $lib/scripts/setup installs: ffmpeg, a speech engine, fonts)" ;;
	*) say "next: put $PREFIX/bin into PATH, then: spinbot demo (it needs what $lib/scripts/setup installs: ffmpeg, a speech engine, fonts)" ;;
	esac
	say "a spinbot that runs goes on with the version before until it is started again; to remove this one: rm -r $lib $PREFIX/bin/spinbot"
}

main
