# SPDX-License-Identifier: MIT
# Completion for bleproxy and bleproxyd in fish. Commands, options and what they take are read from their --help, so that
# there is no second list of them; names and addresses of proxies and devices come from the configuration. Nothing is asked
# of any proxy.

# address or name: those of the proxies or of the devices.
function __bleproxy_configured --argument-names section keys
    set -l tokens (commandline -opc)
    set -l file $BLEPROXY_CONFIG
    for i in (seq (count $tokens))
        string match -qr -- '^(-c|--config)$' $tokens[$i]; and set file $tokens[(math $i + 1)]
    end
    if test -z "$file"
        set -l home $XDG_CONFIG_HOME
        test -n "$home"; or set home $HOME/.config
        set file $home/bleproxy/bleproxy.yaml
        test -e $file; or set file /etc/bleproxy/bleproxy.yaml
    end
    set -l drop_ins (string replace -r '[^/]*$' '' -- $file)conf.d/*.yaml
    sed -nE -e "/[[:cntrl:]]/d; /^$section:/,/^[a-z]/ {
        s/^[- ]+($keys): *//; t value
        b
        : value
        s/^\"([^\"\\\\]+)\" *(#.*)?\$/\\1/p; t
        s/^'([^']+)' *(#.*)?\$/\\1/p; t
        s/ +(#.*)?\$//
        /^[^]\"'#&*!|>%@[{}]/ p
    }" -- $file $drop_ins 2>/dev/null
end

# The words that a value can be, as `complete` takes them, or FILES, or nothing.
function __bleproxy_values --argument-names what option
    switch "$option"
        case mode
            echo 'passive active auto'
            return
        case payload
            echo 'repeat changing mix'
            return
        case deaf
            echo 'mode subscribe connect reboot never'
            return
        case firmware
            echo '2022.12 2023.6 2025.8 2026.8'
            return
    end
    switch "$what"
        case '*FILE*' 'SOCKET*' 'DIRECTORY*'
            echo FILES
        case 'HOST*' 'PROXY*'
            echo "(__bleproxy_configured proxies 'name|address')"
        case '*|*'
            string replace -a '|' ' ' -- $what
        case ADDRESS
            test -n "$option"; or echo "(__bleproxy_configured devices 'address|name')"
        case PREFIX
            echo '(__bleproxy_configured devices name)'
    end
end

function __bleproxy_command_is
    set -l tokens (commandline -opc)
    test "$tokens[2]" = $argv[1]
end

# An option, by its line of the help.
function __bleproxy_learn_option --argument-names program condition line
    set -l short (string match -r -- '^ +-([a-z]),' $line)[2]
    set -l what (string match -r -- '--[a-z-]+ ([^ ]+)' $line)[2]
    set -l description (string match -r -- '--[a-z-]+(?: [^ ]+)?  +(.*)$' $line)[2]
    set -l told -l (string match -r -- '--([a-z-]+)' $line)[2] -d "$description"
    test -n "$short"; and set -a told -s $short
    if test -n "$what"
        set -l values (__bleproxy_values $what $told[2])
        if test "$values" = FILES
            set -a told -rF
        else
            set -a told -x -a "$values"
        end
    end
    complete -c $program -n $condition $told
end

# What a command takes besides, by the first line of the help. There may be several; all are as the first.
function __bleproxy_learn_arguments --argument-names program condition line
    set -l what (string match -r -- '\[OPTION\]\.\.\. (?:\[--\] )?\[?([A-Z][^ ]*)' $line)[2]
    if test "$what" = PROGRAM
        complete -c $program -n $condition -f -a '(__fish_complete_subcommand --fcs-skip=2)'
        return
    end
    set -l values (__bleproxy_values "$what" '')
    if test "$values" = FILES
        complete -c $program -n $condition -F
    else if test -n "$values"
        complete -c $program -n $condition -f -a "$values"
    end
end

function __bleproxy_learn --argument-names program condition
    for line in $argv[3..]
        if string match -qr -- '^ +(-[a-z], +)?--[a-z]' $line
            __bleproxy_learn_option $program $condition $line
        else if string match -qr -- '^Usage: ' $line
            __bleproxy_learn_arguments $program $condition $line
        end
    end
end

complete -c bleproxy -f
complete -c bleproxyd -f
set -l none '__fish_is_nth_token 1'
complete -c bleproxy -n $none -l help -d 'Tell what commands there are'
complete -c bleproxy -n $none -l version -d 'Tell the version'
for line in (bleproxy help 2>/dev/null)
    set -l command (string match -r -- '^  ([a-z][a-z-]*) +(.*)$' $line)
    test -n "$command[2]"; or continue
    complete -c bleproxy -n "$none; or __bleproxy_command_is help" -a $command[2] -d $command[3]
    test $command[2] = help; or __bleproxy_learn bleproxy "__bleproxy_command_is $command[2]" (bleproxy help $command[2])
end
__bleproxy_learn bleproxyd true (bleproxyd --help 2>/dev/null)
