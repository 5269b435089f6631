# SPDX-License-Identifier: MIT
# Prints what fish offers where each LINE ends, one line for each: fish --no-config complete.fish FILE LINE...
source $argv[1]
for line in $argv[2..]
    echo (complete -C $line | string replace -r '\t.*' '')
end
