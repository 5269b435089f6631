# SPDX-License-Identifier: MIT
# Prints what bash offers where each LINE ends, one line for each: bash complete.bash FILE LINE...
. /usr/share/bash-completion/bash_completion
. "$1"
shift
compopt() { :; } # there is no completion going on that it could be an option of
for COMP_LINE in "$@"; do
    COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_KEY=9 COMPREPLY=()
    # As readline has them: colons and equals signs are words too.
    mapfile -t COMP_WORDS < <(grep -oE '[:=]+|[^ :=]+' <<<"$COMP_LINE")
    [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    function=$(complete -p "${COMP_WORDS[0]}")
    function=${function#*-F }
    "${function%% *}"
    echo "${COMPREPLY[@]}"
done
