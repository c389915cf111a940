# Completions of rawcosmos for bash: it is asked itself what may follow.
_rawcosmos() {
    local IFS=$' \t\n' line="${COMP_LINE:0:COMP_POINT}" begun="" words offer path
    COMPREPLY=()
    read -r -a words <<<"$line"
    if [[ $line != *[[:space:]] ]]; then
        begun="${words[${#words[@]} - 1]}"
        unset "words[${#words[@]} - 1]"
    fi
    while IFS= read -r offer; do
        case $offer in
            # To bash @ begins the name of a host.
            $'\t'*@)
                while IFS= read -r path; do
                    [[ -d $path ]] && path+=/ && compopt -o nospace
                    COMPREPLY+=("${offer#?}$path")
                done < <(compgen -f -- "${begun#"${offer#?}"}") ;;
            $'\t'*) compopt -o default ;;
            *) COMPREPLY+=("${offer%%$'\t'*}") ;;
        esac
    done < <("$1" completions bash -- "${words[@]:1}" "=$begun" 2>/dev/null)
    # A word begins behind = and : too, and only that part is replaced.
    COMPREPLY=("${COMPREPLY[@]#"${begun%"$2"}"}")
}
complete -F _rawcosmos rawcosmos
