# shellcheck shell=bash
# What script/* and .ci/run share: find a Python, keep .venv installed, say plainly why it cannot be done.
# Source it, then call `prepare_venv run` or `prepare_venv dev`. Needs bash, Python >= 3.11 and the core tools only.

readonly EXIT_NO_PYTHON=3
readonly EXIT_NO_PACKAGES=4
readonly EXIT_NOT_WRITABLE=5
readonly EXIT_INSTALL_FAILED=6

project_root=$(cd -P -- "${BASH_SOURCE[0]%/*}/../.." && pwd)
venv="$project_root/.venv"
venv_python="$venv/bin/python"
# Present only while pip works: whoever finds it at the next start knows that the last install was cut off.
interrupted_mark="$venv/hub-installing"

say() { printf '%s\n' "$@" >&2; }

stop() {
    local code=$1
    shift
    say "$@"
    exit "$code"
}

# Prints "usable 3.12.1", "old 3.9.2" or "no-venv 3.11.2" (Debian keeps ensurepip in a package of its own).
# The snippet is valid in every Python since 2.7, so that an old one can say its version.
python_verdict() {
    "$1" -c '
import sys
verdict = "usable"
if sys.version_info < (3, 11):
    verdict = "old"
else:
    try:
        import ensurepip, venv
    except ImportError:
        verdict = "no-venv"
sys.stdout.write("%s %d.%d.%d" % ((verdict,) + tuple(sys.version_info[:3])))
' 2>/dev/null
}

# The interpreter itself, not a launcher and not the Python of a .venv that is about to be made anew.
base_python() {
    "$1" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
}

# Sets `python` to the interpreter that .venv is made from, or stops with EXIT_NO_PYTHON.
find_python() {
    local candidate verdict refused=""
    if [[ -n ${HUB_PYTHON:-} ]]; then
        verdict=$(python_verdict "$HUB_PYTHON") || verdict="not-runnable ?"
        [[ $verdict == usable* ]] || refuse_python "HUB_PYTHON=$HUB_PYTHON" "$verdict"
        python=$(base_python "$HUB_PYTHON")
        return
    fi
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        verdict=$(python_verdict "$candidate") || continue
        if [[ $verdict == usable* ]]; then
            python=$(base_python "$candidate")
            return
        fi
        # A new Python without venv says more about what to do than an old one beside it.
        if [[ -z $refused || $verdict == no-venv* ]]; then
            refused="$candidate|$verdict"
        fi
    done
    [[ -n $refused ]] || refuse_python "PATH" "absent -"
    refuse_python "${refused%%|*}" "${refused#*|}"
}

refuse_python() {
    local where=$1 verdict=${2%% *} version=${2#* }
    case $verdict in
        old) say "Hub needs Python 3.11 or newer; $where is Python $version." ;;
        no-venv)
            say "Hub needs a Python that can make virtual environments; $where (Python $version) lacks ensurepip." \
                "On Debian and Ubuntu: apt install python${version%.*}-venv"
            ;;
        absent) say "Hub needs Python 3.11 or newer; none of python3.13, python3.12, python3.11, python3 is on the $where." ;;
        *) say "Hub needs Python 3.11 or newer; $where does not run." ;;
    esac
    stop "$EXIT_NO_PYTHON" "Install a newer one, or name one: HUB_PYTHON=/path/to/python3 $0"
}

# Prints what an up-to-date install of .venv looks like; fails when the Python in .venv does not run.
venv_fingerprint() {
    "$venv_python" -c '
import hashlib, platform, sys
root = sys.argv[1]
with open(root + "/pyproject.toml", "rb") as file:
    print(platform.python_version(), hashlib.sha256(file.read()).hexdigest(), root)
' "$project_root" 2>/dev/null
}

is_installed() {
    local stamp="$venv/hub-installed-$1" fingerprint
    [[ -f $stamp && ! -e $interrupted_mark ]] || return 1
    fingerprint=$(venv_fingerprint) || return 1
    [[ $(<"$stamp") == "$fingerprint" ]] || return 1
    # Naming a Python means wanting that one, also when .venv was made from another.
    [[ -z ${HUB_PYTHON:-} || "$(python_verdict "$HUB_PYTHON")" == "usable ${fingerprint%% *}" ]]
}

# Brings .venv up to date for a tier: `run` (what the product needs) or `dev` (that and the tools of pyproject.toml).
prepare_venv() {
    local tier=$1 python
    if is_installed "$tier"; then return; fi
    if [[ -z ${HUB_PYTHON:-} ]] && venv_fingerprint >/dev/null; then
        python=$venv_python
    else
        find_python
    fi
    require_writable
    lock_tree
    # The one we waited for may have done our work.
    if ! is_installed "$tier"; then
        make_venv
        install_tier "$tier"
    fi
    exec 9<&-
}

require_writable() {
    local probe="$venv/hub-writable"
    [[ -e $venv ]] || probe="$project_root/.venv-writable"
    if ! (: >"$probe") 2>/dev/null; then
        stop "$EXIT_NOT_WRITABLE" "Cannot write to $venv, where Hub's packages are installed." \
            "Make ${probe%/*} a folder that $(id -un) may write to, or copy the project to one."
    fi
    rm -f -- "$probe"
}

# Holds descriptor 9 locked until it is closed. The lock is on the folder itself: it leaves no file, and the kernel
# drops it however we die. Python takes it because not every system has flock(1); it stays with our descriptor.
lock_tree() {
    exec 9<"$project_root"
    "$python" -c '
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.stderr.write("Another script is installing into .venv; waiting for it.\n")
    fcntl.flock(9, fcntl.LOCK_EX)
'
}

# Keeps a working .venv; makes a new one when there is none or when it cannot be trusted.
make_venv() {
    local reason="" fingerprint stamp
    if [[ ! -e $venv_python ]]; then
        reason="there is none that works"
    elif [[ -e $interrupted_mark ]]; then
        reason="the last install was interrupted"
    elif ! fingerprint=$(venv_fingerprint); then
        reason="its Python does not run any more"
    elif ! "$venv_python" -P -c 'import pip' 2>/dev/null; then
        reason="it has no pip"
    elif [[ $python != "$venv_python" && "$(python_verdict "$python")" != "usable ${fingerprint%% *}" ]]; then
        reason="another Python was asked for"
    else
        for stamp in "$venv"/hub-installed-*; do
            [[ -f $stamp && "$(<"$stamp")" != *" $project_root" ]] && reason="the project was moved"
        done
    fi
    [[ -n $reason ]] || return 0
    # The Python of a .venv that is about to be emptied cannot do the emptying.
    [[ $python != "$venv_python" ]] || find_python
    say "Making $venv ($reason) with $python ..."
    # Its Python goes first, so that a removal which is cut short is seen too; `venv --clear` would take the mark along.
    rm -f -- "$venv_python"
    rm -rf -- "$venv"
    mkdir -p -- "$venv"
    : >"$interrupted_mark"
    if ! "$python" -P -m venv "$venv" >&2; then
        stop "$EXIT_INSTALL_FAILED" "Could not make $venv; the message above says why."
    fi
}

install_tier() {
    local tier=$1 log="$venv/hub-install.log" requirements="$venv/hub-dev-requirements.txt"
    local arguments=(--editable "$project_root")
    rm -f -- "$venv"/hub-installed-* "$log"
    : >"$interrupted_mark"
    if [[ $tier == dev ]]; then
        # pip reads dependency groups only from 25.1 on; the list is plain strings.
        "$venv_python" -c '
import sys, tomllib
with open(sys.argv[1] + "/pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["dependency-groups"]["dev"], sep="\n")
' "$project_root" >"$requirements"
        arguments+=(--requirement "$requirements")
        say "Installing Hub and the developers' tools into $venv ..."
    else
        say "Installing Hub into $venv (the next start skips this) ..."
    fi
    [[ -t 2 ]] || arguments+=(--progress-bar off)
    # pip answers Ctrl-C with a plain failure and may leave half a package: end here, with the mark in place.
    trap 'exit 130' INT
    # The log has what pip keeps quiet about, above all why an index could not be reached. -P: a folder `pip` or
    # `packaging` where the user stands must not be imported.
    if ! PIP_LOG="$log" PIP_DISABLE_PIP_VERSION_CHECK=1 \
        "$venv_python" -P -m pip install -qq "${arguments[@]}" >&2; then
        # pip leaves what was there when it gives up by itself, so nothing needs to be made anew.
        rm -f -- "$interrupted_mark"
        explain_failed_install "$log"
    fi
    trap - INT
    venv_fingerprint >"$venv/hub-installed-$tier"
    [[ $tier != dev ]] || venv_fingerprint >"$venv/hub-installed-run"
    rm -f -- "$interrupted_mark"
}

# pip says on the terminal "see above for output" when it keeps a log, also for what it wrote to the log only.
show_reasons() {
    local line
    grep -m 6 -E '[A-Za-z]*(ERROR|Error|NotFound|Failed): ' "$1" | while read -r line; do
        say "  ${line#* }"
    done
}

explain_failed_install() {
    local log=$1
    local unreachable='connection error|Max retries exceeded|Failed to establish a new connection|NameResolutionError'
    unreachable+='|Temporary failure in name resolution|Network is unreachable|ReadTimeoutError|ConnectTimeoutError'
    unreachable+='|ProxyError|ConnectionResetError|CERTIFICATE_VERIFY_FAILED'
    if grep -qE "$unreachable" "$log" 2>/dev/null; then
        say "" "No network: pip could not reach its package index, so Hub's packages were not installed."
    elif [[ -n ${PIP_NO_INDEX:-} ]] && grep -q 'No matching distribution found' "$log" 2>/dev/null; then
        show_reasons "$log"
        say "" "A package is missing from the folder of PIP_FIND_LINKS=${PIP_FIND_LINKS:-} (named in the lines above)."
    else
        show_reasons "$log"
        stop "$EXIT_INSTALL_FAILED" "" "pip could not install Hub; its messages are above, its full log is $log."
    fi
    stop "$EXIT_NO_PACKAGES" "Connect this machine and start again, or install from a folder of wheels:" \
        "  elsewhere, with the same Python version, in a copy of the project:" \
        "    python3 -m pip wheel --wheel-dir wheels . 'hatchling>=1.25' editables" \
        "  here:" \
        "    PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/wheels $0" \
        "pip's full log: $log"
}
