# Completion of scanlogctl(8) for bash.
_scanlogctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} each command='' words
  local commands='status list show top tail export report reload explain selftest live' common='--state --control --output --help'
  local filter='--since --until --source --port --min-ports --kind --technique --tool --verdict'
  # --option=value comes as three words.
  if [[ $word == = ]]; then
    word=''
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ " $commands " == *" $each "* ]]; then command=$each; fi
  done
  case $before in
  --state)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
    return
    ;;
  --control | --locations)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  -o | --output)
    if [[ $command == report ]]; then
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
    fi
    words='text json'
    ;;
  --verdict) words='unverified proven answered suspect impossible' ;;
  --tool) words='unknown nmap masscan zmap hping nping mirai' ;;
  --kind)
    words='vertical horizontal block distributed decoys idle_probe ftp_bounce flood backscatter egress'
    ;;
  --technique)
    words='unknown syn connect syn_or_connect fin null xmas maimon ack_or_window syn_ack odd_flags
      fragments udp sctp_init sctp_cookie_echo ip_protocol icmp_echo icmp_timestamp icmp_mask ftp_bounce'
    ;;
  --since | --until) words='1h 12h 1d 1w' ;;
  --interface) words=$(cd /sys/class/net 2>/dev/null && echo *) ;;
  --source | --port | --min-ports | -n | --limit) return ;;
  *)
    case $command in
    '') words="$commands $common --version" ;;
    list) words="$filter --limit --going-on $common" ;;
    live) words="$filter $common" ;;
    export) words="csv json nft $filter --limit $common" ;;
    top) words="sources ports targets networks countries techniques tools --since --limit --locations $common" ;;
    show) words="--locations $common" ;;
    selftest) words="--interface --source $common" ;;
    tail) words="--follow --limit $common" ;;
    report) words="--since --limit --locations $common" ;;
    *) words=$common ;;
    esac
    ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _scanlogctl scanlogctl
