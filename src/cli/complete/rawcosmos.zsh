#compdef rawcosmos
# Completions of rawcosmos for zsh: it is asked itself what may follow.
_rawcosmos() {
    local offer
    local -a offers
    for offer in "${(@f)$("${(Q)words[1]}" completions zsh -- "${(@Q)words[2,CURRENT-1]}" "=${(Q)PREFIX}" 2>/dev/null)}"; do
        case $offer in
            ($'\t'*) compset -P "${(b)offer[2,-1]}"; _files ;;
            (?*) offers+=("${offer/$'\t'/:}") ;;
        esac
    done
    (( $#offers )) && _describe rawcosmos offers
}
if [[ $funcstack[1] == _rawcosmos ]]; then _rawcosmos "$@"; else compdef _rawcosmos rawcosmos; fi
