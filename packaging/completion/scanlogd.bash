# Completion of scanlogd(8) for bash.
_scanlogd() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words
  # --option=value comes as three words.
  if [[ $word == = ]]; then
    word=''
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $before in
  -r | --read | --control | --config)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  --state | --chroot)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
    return
    ;;
  --user)
    mapfile -t COMPREPLY < <(compgen -u -- "$word")
    return
    ;;
  --what-if)
    compopt -o nospace
    words='delay= egress= egress_ignore_ports= egress_ignore_targets= high_weight= ignore_ports=
      ignore_sources= ignore_targets= local= low_weight= memory= profile= scans= sensitivity= sources= threshold= watch_ports= watch_targets='
    ;;
  -i | --interface) words=$(cd /sys/class/net 2>/dev/null && echo *) ;;
  -c | --capture) words='auto bpf ring raw pcap nids' ;;
  --profile | profile) words='classic full' ;;
  sensitivity) words='high normal low' ;;
  egress) words='true false' ;;
  --log) words='syslog stdout eve rfc5424 journald cef' ;;
  -o | --output) words='lines json' ;;
  --engines) words='auto' ;;
  --memory | memory) words='small 16M' ;;
  --since) words='1h 12h 1d 1w' ;;
  --explain | --local | --threshold | --delay | --*-weight | --sources | --ignore-* | --watch-* | --egress-* | --accounts)
    return
    ;;
  *)
    words='--foreground --supervised --interface --capture --read --explain --what-if --since
      --promiscuous --outgoing --engines --local --profile --threshold --delay --low-weight
      --high-weight --sources --ignore-sources --ignore-targets --ignore-ports --watch-targets
      --watch-ports --egress --egress-ignore-targets --egress-ignore-ports --memory --log --output --accounts --user --chroot --state --control --single
      --no-sandbox --config --no-config --list --check --version --help'
    ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _scanlogd scanlogd
