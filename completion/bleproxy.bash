# SPDX-License-Identifier: MIT
# Completion for bleproxy and bleproxyd in bash. Commands, options and what they take are read from their --help, so that
# there is no second list of them; names and addresses of proxies and devices come from the configuration. Nothing is asked
# of any proxy.

# The help for the command line so far.
_bleproxy_help()
{
    if [[ ${words[0]##*/} == bleproxyd ]]; then
        "${words[0]}" --help
    else
        "${words[0]}" help "$@"
    fi 2>/dev/null
}

# "SHORT LONG VALUE" for each option in a help text, with - for what it has not.
_bleproxy_options()
{
    sed -nE 's/^ +(-([a-z]), +)?--([a-z-]+)( ([^ ]+))?(  .*)?$/-\2 --\3 \5-/p'
}

# address or name: those of the proxies or of the devices.
_bleproxy_configured() # SECTION KEYS
{
    local file=${BLEPROXY_CONFIG-} i directory
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -c | --config) file=${words[i + 1]} ;;
        --config=*) file=${words[i]#*=} ;;
        esac
    done
    if [[ ! $file ]]; then
        file=${XDG_CONFIG_HOME:-$HOME/.config}/bleproxy/bleproxy.yaml
        [[ -e $file ]] || file=/etc/bleproxy/bleproxy.yaml
    fi
    [[ $file != '~/'* ]] || file=$HOME/${file#'~/'}
    directory=.
    [[ $file != */* ]] || directory=${file%/*}
    sed -nE -e "/[[:cntrl:]]/d; /^$1:/,/^[a-z]/ {
        s/^[- ]+($2): *//; t value
        b
        : value
        s/^\"([^\"\\\\]+)\" *(#.*)?$/\\1/p; t
        s/^'([^']+)' *(#.*)?$/\\1/p; t
        s/ +(#.*)?$//
        /^[^]\"'#&*!|>%@[{}]/ p
    }" -- "$file" "$directory"/conf.d/*.yaml 2>/dev/null
}

# Offers those lines of its input that begin as the word does, which is compared as it was typed: with the quotes that the
# shell needs. compgen -W would run what is in them.
_bleproxy_offer()
{
    local lines line typed=$cur
    case $cur in
    \"*) typed=${cur:1} && mapfile -t lines < <(sed '/[!"]/d; s/[$`\\]/\\&/g') ;;
    \'*) typed=${cur:1} && mapfile -t lines < <(sed "/'/d") ;;
    *) mapfile -t lines ;;
    esac
    for line in "${lines[@]}"; do
        [[ $cur == [\"\']* ]] || printf -v line %q "$line"
        [[ $line != "$typed"* ]] || COMPREPLY+=("$line")
    done
}

_bleproxy_value() # WHAT-IT-IS OPTION
{
    case $1 in
    *FILE* | SOCKET* | DIRECTORY*) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    HOST* | PROXY*) _bleproxy_offer < <(_bleproxy_configured proxies 'name|address') ;;
    ADDRESS) [[ $2 ]] || _bleproxy_offer < <(_bleproxy_configured devices 'address|name') ;;
    PREFIX) _bleproxy_offer < <(_bleproxy_configured devices name) ;;
    *'|'*) _bleproxy_offer <<<"${1//|/$'\n'}" ;;
    MODE | CURE | VERSION)
        local values=
        case $2 in
        --mode) values='passive active auto' ;;
        --payload) values='repeat changing mix' ;;
        --deaf) values='mode subscribe connect reboot never' ;;
        -f | --firmware) values='2022.12 2023.6 2025.8 2026.8' ;;
        esac
        _bleproxy_offer <<<"${values// /$'\n'}"
        ;;
    esac
}

# What the word is that is being completed: words that are no options are counted.
_bleproxy_argument() # HELP OPTIONS
{
    local usage i n=0 option takes
    read -ra usage <<<"$(sed -n 's/^Usage: .*\[OPTION\]\.\.\.//p' <<<"$1")"
    [[ ${usage[0]} != '[--]' ]] || usage=("${usage[@]:1}")
    for ((i = first; i < cword; i++)); do
        case ${words[i]} in
        --) ;;
        -*)
            takes=$(awk -v word="${words[i]}" '($1 == word || $2 == word) && $3 != "-"' <<<"$2")
            [[ ! $takes ]] || ((i++))
            continue
            ;;
        *) ((n++)) ;;
        esac
        [[ $n -eq 0 || ${usage[0]} != PROGRAM ]] || break
    done
    if [[ ${usage[0]} == PROGRAM ]]; then
        _command_offset "$i"
        return
    fi
    ((n < ${#usage[@]})) || n=$((${#usage[@]} - 1))
    ((n < 0)) || _bleproxy_value "${usage[n]//[\[\]]/}" ''
}

_bleproxy()
{
    local cur prev words cword first=1 help options takes IFS=$' \t\n'
    _get_comp_words_by_ref -n := cur prev words cword
    COMPREPLY=()
    if [[ ${words[0]##*/} != bleproxyd ]]; then
        if [[ $cword -eq 1 || ${words[1]} == help ]]; then
            _bleproxy_offer < <(_bleproxy_help | awk '/^  [a-z]/ {print $1} END {print "--help\n--version"}')
            return
        fi
        first=2
    fi
    help=$(_bleproxy_help "${words[1]}")
    options=$(_bleproxy_options <<<"$help")
    if [[ $cur == --*=* ]]; then
        prev=${cur%%=*} cur=${cur#*=}
    fi
    takes=$(awk -v word="$prev" '($1 == word || $2 == word) && $3 != "-" {sub(/-$/, "", $3); print $3}' <<<"$options")
    if [[ $takes && $prev == -?* ]]; then
        _bleproxy_value "$takes" "$prev"
    elif [[ $cur == -* && " ${words[*]:first:cword-first} " != *' -- '* ]]; then
        _bleproxy_offer < <(awk '$1 != "-" {print $1} {print $2}' <<<"$options")
    else
        _bleproxy_argument "$help" "$options"
    fi
    __ltrim_colon_completions "$cur"
}

complete -F _bleproxy bleproxy bleproxyd
