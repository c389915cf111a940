# Completions of rawcosmos for fish: it is asked itself what may follow.
function __rawcosmos
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for offer in ($program completions fish -- $words "=$begun" 2>/dev/null)
        if string match -q \t'*' -- $offer
            set -l before (string sub -s 2 -- $offer)
            for path in (__fish_complete_path (string sub -s (math 1 + (string length -- "$before")) -- "$begun"))
                echo $before$path
            end
        else
            echo $offer
        end
    end
end
complete -c rawcosmos -f -a '(__rawcosmos)'
