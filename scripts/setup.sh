# shellcheck shell=bash
# Makes .venv; read by ./sparc, which has set root, venv, python, lock, stamp and ready. Everything is said on standard error,
# so that `./sparc precheck ... | jq` gets JSON on the very first call too.
#
# The order of things: a lock on .venv.setup (two calls at once: the second waits, then finds all in place), a Python
# 3.10 that runs, uv or else pip, and the stamp last. Whatever was interrupted before the stamp is made afresh.

setup_dir=$root/.venv.setup

say() { printf 'sparc: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# --- a Python 3.10 that really runs -----------------------------------------------------------------------------

# Prints the interpreter behind a candidate if it is a CPython 3.10 that runs. A shim without a version behind it does
# not; one of a virtual environment is replaced by the one beneath, for the environment may be the .venv to be remade.
probe() {
    [ -x "$1" ] || return 1
    "$1" -I -c '
import os, ssl, sys, zlib
if sys.version_info[:2] != (3, 10) or sys.implementation.name != "cpython" or sys.maxsize < 2**32:
    raise SystemExit(1)
print(sys.executable if sys.prefix == sys.base_prefix else os.path.realpath(sys.executable))
' 2>/dev/null
}

# All programs of these names on PATH, one a line, in PATH's order; a shim may hide a working one behind it.
on_path() {
    local name
    for name; do type -ap "$name" || true; done
}

# Programs of pyenv's versions, by pattern: below its root as set, as usual, or as its shims on PATH give away.
pyenv_programs() { # PATTERN
    local folder
    while IFS= read -r folder; do
        # shellcheck disable=SC2086 # the pattern is to be expanded
        [ -z "$folder" ] || ls -d "$folder"/versions/$1 2>/dev/null || true
    done < <(
        printf '%s\n' "${PYENV_ROOT:-}" "${HOME:+$HOME/.pyenv}"
        printf '%s\n' "$PATH" | tr : '\n' | sed -n 's|/shims/*$||p'
    )
}

candidates() {
    local folder uv
    on_path python3.10 python3 python
    pyenv_programs '3.10*/bin/python'
    for folder in "${UV_PYTHON_INSTALL_DIR:-}" "${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python"; do
        [ -z "$folder" ] || ls -d "$folder"/cpython-3.10*/bin/python3.10 2>/dev/null || true
    done
    # Not `uv python find` alone: inside of the checkout that may be .venv itself.
    if uv=$(find_uv); then "$uv" python find --system --no-python-downloads 3.10 2>/dev/null || true; fi
}

find_python() {
    local candidate found
    while IFS= read -r candidate; do
        if found=$(probe "$candidate") && [ -n "$found" ]; then
            printf '%s\n' "$found"
            return 0
        fi
    done < <(candidates)
    return 1
}

# --- uv ---------------------------------------------------------------------------------------------------------

# Prints a uv that runs: on PATH, where its installer and pyenv put it, or our own; fails if there is none.
find_uv() {
    local candidate
    while IFS= read -r candidate; do
        if [ -x "$candidate" ] && "$candidate" --version >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done < <(
        on_path uv
        printf '%s\n' "${HOME:-}/.local/bin/uv" "${HOME:-}/.cargo/bin/uv" "$setup_dir/uv/bin/uv"
        pyenv_programs '3.*/bin/uv'
    )
    return 1
}

# Any Python with a pip, to fetch uv with.
find_pip() { # [PYTHON]
    local candidate
    while IFS= read -r candidate; do
        if [ -n "$candidate" ] && "$candidate" -m pip --version >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done < <(
        printf '%s\n' "${1:-}"
        on_path python3 python
        pyenv_programs '3.*/bin/python'
        printf '/usr/bin/python3\n'
    )
    return 1
}

# Puts the locked uv into .venv.setup/uv, with any pip there is.
fetch_uv() { # [PYTHON]
    local pip_python
    pip_python=$(find_pip "${1:-}") || return 1
    say "fetching uv, which installs the rest quickly ..."
    rm -rf "$setup_dir/uv"
    PIP_ROOT_USER_ACTION=ignore "$pip_python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        --target "$setup_dir/uv" -r "$root/requirements/setup.lock" >&2
}

# uv reads neither pip's files nor PIP_...: where pip is told of another index, uv is told of the same. Several indexes
# are then searched as pip does; the hashes of the lock keep what comes from them honest.
lend_pip_settings() { # PYTHON
    local settings key value lender
    [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_INDEX:-}" ] || return 0
    lender=$(find_pip "$1") || return 0
    settings=$("$lender" -m pip config list 2>/dev/null) || return 0
    case $settings in *.index-url=*) ;; *) return 0 ;; esac
    while IFS='=' read -r key value; do
        value=${value#\'}
        value=${value%\'}
        value=${value//\\n/ }
        case $key in
            *.index-url) export UV_DEFAULT_INDEX=$value ;;
            *.extra-index-url) export UV_INDEX=$value UV_INDEX_STRATEGY=unsafe-best-match ;;
            *.trusted-host) export UV_INSECURE_HOST=$value ;;
            *.cert) export SSL_CERT_FILE="${SSL_CERT_FILE:-$value}" ;;
        esac
    done <<<"$settings"
}

# --- .venv ------------------------------------------------------------------------------------------------------

install_with_uv() ( # UV PYTHON
    lend_pip_settings "$2"
    unset VIRTUAL_ENV
    if ! [ -x "$python" ] || ! [ -f "$stamp" ]; then
        rm -rf "$venv"
        "$1" venv --quiet --no-project --prompt sparc --python "$2" "$venv" || exit 1
    fi
    rm -f "$stamp"
    # sync, not install: what an earlier lock had and this one has not must go.
    if [ -t 2 ]; then
        "$1" pip sync --python "$python" --require-hashes "$lock" >&2
    else # a log wants no line for each of 230 packages
        "$1" pip sync --python "$python" --require-hashes "$lock" 2>&1 | sed '/^ [-+~] /d' >&2
    fi
)

install_with_pip() { # PYTHON
    rm -rf "$venv"
    "$1" -I -m venv --prompt sparc "$venv" >&2 || return 1
    PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --disable-pip-version-check --require-hashes --progress-bar on -r "$lock" >&2
}

# One set-up at a time. The lock belongs to file descriptor 9, so it goes with its holder, however that ends; an
# installer that outlives a killed ./sparc holds it too, and is waited for.
take_turn() {
    mkdir -p "$setup_dir"
    exec 9>"$setup_dir/lock"
    lock_9 nonblocking && return 0
    say "another ./sparc is setting up .venv: waiting for it ..."
    lock_9 || die "the lock on $setup_dir/lock could not be taken."
}

lock_9() { # [nonblocking]
    local any
    if command -v flock >/dev/null; then
        flock ${1:+-n} 9
    elif any=$(find_python); then # macOS has no flock; the lock outlives the Python that takes it, as 9 is ours
        "$any" -c 'import fcntl, sys; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB * (len(sys.argv) > 1))' \
            ${1:+nonblocking} 2>/dev/null
    fi # with neither there is nothing yet that two calls could spoil
}

no_python="no Python 3.10 is here and none could be fetched: install Python 3.10 (the package python3.10 with\
 python3.10-venv, 'pyenv install 3.10', or 'uv python install 3.10'), then call ./sparc again."

set_up() {
    local base uv
    if [ -n "${SPARC_FIND_ONLY:-}" ]; then
        find_python || die "$no_python"
        exit 0
    fi
    take_turn
    if ready; then # made while we waited
        exec 9>&-
        return 0
    fi
    # A hospital's proxy signs with the hospital's own authority, which the machine knows and uv by itself does not.
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" UV_NATIVE_TLS="${UV_NATIVE_TLS:-1}" # the newer and the older name
    if [ -f "$stamp" ]; then
        say "the requirements have changed: bringing .venv up to date ..."
    elif [ -e "$venv" ]; then
        say "an earlier set-up was not finished: making .venv afresh ..."
    else
        say "first use: making .venv (some minutes, about 3 GB; every later call starts at once) ..."
    fi

    base=$(find_python) || base=
    uv=$(find_uv) || { fetch_uv "$base" && uv=$(find_uv); } || uv=
    if [ -z "$base" ] && [ -n "$uv" ]; then
        say "no Python 3.10 found: uv fetches one ..."
        "$uv" python install 3.10 >&2 && base=$(find_python) || base=
    fi
    [ -n "$base" ] || die "$no_python"
    say "using $base${uv:+ and $uv}"

    if ! { [ -n "$uv" ] && install_with_uv "$uv" "$base"; }; then
        [ -z "$uv" ] || say "uv could not do it: trying pip, which takes longer ..."
        install_with_pip "$base" ||
            die "the requirements could not be installed: see above; check the network (or the index that pip is set to) and the room on the disk, then call ./sparc again."
    fi
    cksum <"$lock" >"$stamp.new" && mv "$stamp.new" "$stamp"
    exec 9>&-
    say "ready."
}
