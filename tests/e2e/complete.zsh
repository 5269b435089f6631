# SPDX-License-Identifier: MIT
# Prints what zsh offers where LINE ends, one word a line: zsh -f complete.zsh DIRECTORY LINE
zmodload zsh/zpty
print -r -- '
PROMPT= RPROMPT=
fpath=('${(q)1}' $fpath)
autoload -Uz compinit && compinit -D -u
bindkey "^I" complete-word
mark() { print -r -- "<mark>" }
compprefuncs=(mark)
comppostfuncs=(mark exit)
compadd() {
    # These only ask what would match.
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    local -a hits
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- "<word>"$^hits
    builtin compadd "$@"
}
zle-line-init() { print -r "<ready>" } # what is typed before might be read by nobody
zle -N zle-line-init' > $XDG_RUNTIME_DIR/complete.zsh
zpty shell zsh -f -i
zpty -w shell ". $XDG_RUNTIME_DIR/complete.zsh"
while zpty -r shell line; do
    [[ $line == *'<ready>'* ]] && break
done
rm -f $XDG_RUNTIME_DIR/complete.zsh
zpty -w -n shell "$2"$'\t'
while zpty -r shell line; do
    [[ $line == *'<word>'* ]] && print -r -- ${${line#*<word>}%%$'\r'*}
done
zpty -d shell
