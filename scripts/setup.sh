#!/usr/bin/env bash
# Make a checkout ready to run: Debian packages, a virtual environment, Python packages.
#
# Usage: setup.sh [timetabler | test [deep]]   (timetabler: also the solver of timetables; test: also
# what tests need: it, promtool and prometheus; deep: and what the longest need: chromium)
#
# May be run any number of times, by anyone, and at once; does only what is not done yet. Debian
# packages are installed if root, or sudo without a password, lets it; otherwise it says what to
# type. Servers that the environment names (TANDEM_AMQP_URL, TANDEM_MONGO_URL) are not installed, but
# for tests: some kill servers, and start their own to do so.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VENV=$PWD/.venv SOLVER=$PWD/.venv-timetabler
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

main() {
    exec 9<. && flock 9 # another setup of this checkout goes first
    [[ ${1:-} != test ]] || unset TANDEM_AMQP_URL TANDEM_MONGO_URL
    install_debian_packages
    [[ ${1:-} != test ]] || install_test_packages "${2:-}"
    make_environment
    install_requirements
    install_tandem
    [[ ${1:-} != test && ${1:-} != timetabler ]] || install_timetabler
}

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# --- Debian packages ------------------------------------------------------------------------

install_debian_packages() {
    local missing=()
    has_venv || missing+=(python3 python3-venv)
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || missing+=(ca-certificates)
    has_rabbitmq || missing+=(rabbitmq-server)
    has_libcurl || missing+=(libcurl4)
    ((${#missing[@]} == 0)) || install "${missing[@]}" || tell_to_install "${missing[@]}"
}

# Without them, tests skip with a message, except in CI.
install_test_packages() {
    command -v promtool >/dev/null || install prometheus ||
        say "for the tests of the monitoring: sudo apt-get install -y --no-install-recommends prometheus"
    # 113 MB to load, 414 MB on the disk, 17 seconds
    [[ $1 != deep ]] || command -v chromium >/dev/null || install chromium ||
        say "for the tests of packs' pages: sudo apt-get install -y --no-install-recommends chromium"
}

has_venv() { is_sound || { find_python >/dev/null && "$(find_python)" -c 'import ensurepip' 2>/dev/null; }; }

has_rabbitmq() {
    [[ -n ${TANDEM_AMQP_URL:-} || -x /usr/lib/rabbitmq/bin/rabbitmq-server ]] ||
        command -v rabbitmq-server >/dev/null
}

has_libcurl() { # mongod links it
    [[ -n ${TANDEM_MONGO_URL:-} ]] || command -v mongod >/dev/null || [[ $(ldconfig -p) == *libcurl.so.4* ]]
}

# Install Debian packages; the status says whether that was possible.
install() {
    command -v apt-get >/dev/null && may_install || return 1
    say "installing $*"
    # The first try saves the update where the lists are there and recent.
    as_root apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 && return
    as_root apt-get update -qq && as_root apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

may_install() { [[ $EUID == 0 ]] || sudo -n true 2>/dev/null; }

as_root() {
    local command=(env DEBIAN_FRONTEND=noninteractive "$@")
    [[ $EUID == 0 ]] || command=(sudo -n "${command[@]}")
    "${command[@]}" 9<&- # a server that a package starts must not keep our lock
}

tell_to_install() {
    say "these Debian packages are missing: $*"
    say "and neither root nor sudo without a password is at hand to install them. Type"
    say "    sudo apt-get install -y --no-install-recommends $*"
    say "(servers that run can be named by TANDEM_AMQP_URL and TANDEM_MONGO_URL instead)."
}

# --- Python ---------------------------------------------------------------------------------

make_environment() {
    is_sound && return
    [[ ! -L $VENV ]] || rm "$VENV" # a link: what it leads to is another checkout's
    has_venv || fail "there is no Python 3.11 or 3.12 that can make a virtual environment"
    local python
    python=$(find_python)
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear "$VENV"
}

# Whether .venv is there, made for this very folder (it can't be moved), and still has its Python.
is_sound() {
    grep -qsF "$VENV" "$VENV/bin/activate" && is_fitting "$VENV/bin/python" && [[ -x $VENV/bin/pip ]]
}

find_python() {
    local name
    for name in python3.11 python3.12 python3; do
        is_fitting "$name" && echo "$name" && return
    done
    return 1
}

is_fitting() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null
}

install_requirements() {
    is_stamped requirements.lock && return
    say "installing the Python packages of requirements.lock"
    pip install --require-hashes -r requirements.lock
    stamp requirements.lock
}

install_tandem() {
    [[ -x $VENV/bin/tandem ]] && is_stamped pyproject.toml && return
    PYTHONWARNINGS=ignore pip install --no-deps --no-build-isolation -e .
    stamp pyproject.toml
}

# OR-Tools needs an older protobuf than ours, so it has an environment of its own.
install_timetabler() {
    local lock=timetabler/requirements.lock
    grep -qsF "$SOLVER" "$SOLVER/bin/activate" && cmp -s $lock "$SOLVER/stamp" && return
    say "installing the solver of timetables"
    "$VENV/bin/python" -m venv --clear "$SOLVER"
    "$SOLVER/bin/python" -m pip --quiet --disable-pip-version-check --no-input install \
        --only-binary :all: --require-hashes -r $lock
    cp $lock "$SOLVER/stamp"
}

pip() { "$VENV/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }

# A stamp is the file as it was when it was last installed from.
is_stamped() { cmp -s "$1" "$VENV/stamp-$1"; }

stamp() { cp "$1" "$VENV/stamp-$1"; }

main "$@"
