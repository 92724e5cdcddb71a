# Completion of heliotrope in bash, made by: heliotrope completion bash
_heliotrope() {
  local cur prev word path="" i
  COMPREPLY=()
  cur="${COMP_WORDS[COMP_CWORD]}"
  prev="${COMP_WORDS[COMP_CWORD-1]}"
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    case "$word" in
      --) COMPREPLY=($(compgen -f -- "$cur")); return ;;
      --account|--address|--attempt|--checkpoint-exit-code|--checkpoint-grace|--checkpoint-interval|--checkpoint-signal|--checkpoint-size|--column|--cores|--count|--data-center|--days|--deadline|--env|--expected|--file|--forecast|--header|--header-file|--history|--home|--horizon|--job|--journal|--jurisdiction|--limit|--load|--memory|--name|--on-disconnect|--origin-step|--out|--output|--peak|--policy|--priority|--prometheus|--query|--request-id|--residency|--retries|--seed|--since|--state|--step|--svg|--tail|--test|--time-zone|--timeout|--tls-ca|--tls-cert|--tls-key|--to|--workdir|--world|-f) ((i++)) ;;
      -*) ;;
      *) [[ $path == *" "* ]] || path="${path:+$path }$word" ;;
    esac
  done
  case "$prev" in
    --file|--header-file|--journal|--load|--out|--svg|--tls-ca|--tls-cert|--tls-key|--to|--world|-f) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --job) COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")); return ;;
    --data-center|--home) COMPREPLY=($(compgen -W "$(heliotrope __complete datacenter 2>/dev/null)" -- "$cur")); return ;;
    --account|--address|--attempt|--checkpoint-exit-code|--checkpoint-grace|--checkpoint-interval|--checkpoint-signal|--checkpoint-size|--column|--cores|--count|--days|--deadline|--env|--expected|--forecast|--header|--history|--horizon|--jurisdiction|--limit|--memory|--name|--on-disconnect|--origin-step|--output|--peak|--policy|--priority|--prometheus|--query|--request-id|--residency|--retries|--seed|--since|--state|--step|--tail|--test|--time-zone|--timeout|--workdir) return ;;
  esac
  if [[ $cur == -* ]]; then
    local flags=""
    case "$path" in
      "") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job submit") flags="--help --file --name --count --cores --memory --expected --env --workdir --retries --on-disconnect --output --residency --deadline --allow-late --priority --account --home --checkpoint --checkpoint-signal --checkpoint-grace --checkpoint-exit-code --checkpoint-interval --checkpoint-size --request-id --dry-run --wait --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job get") flags="--help --all-tasks --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job list") flags="--help --limit --all --state --account --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job watch") flags="--help --tasks --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job wait") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job logs") flags="--help --attempt --stderr --follow --tail --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job output") flags="--help --to --attempt --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job cancel") flags="--help --yes --request-id --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "job explain") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "node") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "node list") flags="--help --data-center --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "node get") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "node drain") flags="--help --request-id --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "node undrain") flags="--help --request-id --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "node lost") flags="--help --yes --request-id --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "region") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "region list") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "datacenter") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "datacenter list") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "datacenter get") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "account") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "account list") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "curve") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "curve show") flags="--help --history --horizon --svg --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "curve import") flags="--help --prometheus --query --since --step --header --header-file --peak --column --dry-run --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "curve arrivals") flags="--help --account --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "curve backtest") flags="--help --load --column --time-zone --test --origin-step --horizon --out --compare --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "plan") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "plan show") flags="--help --horizon --svg --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "decision") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "decision list") flags="--help --limit --job --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "decision watch") flags="--help --job --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "simulate") flags="--help --world --policy --days --journal --svg --bound --forecast --seed --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "version") flags="--help --client --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "completion") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "completion bash") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
      "completion zsh") flags="--help --version --address --tls-ca --tls-cert --tls-key --jurisdiction --timeout --json --no-color" ;;
    esac
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return
  fi
  case "$path" in
    "") COMPREPLY=($(compgen -W "job node region datacenter account curve plan decision simulate version completion" -- "$cur")) ;;
    "job") COMPREPLY=($(compgen -W "submit get list watch wait logs output cancel explain" -- "$cur")) ;;
    "job get") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "job watch") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "job wait") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "job logs") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "job output") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "job cancel") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "job explain") COMPREPLY=($(compgen -W "$(heliotrope __complete job 2>/dev/null)" -- "$cur")) ;;
    "node") COMPREPLY=($(compgen -W "list get drain undrain lost" -- "$cur")) ;;
    "node get") COMPREPLY=($(compgen -W "$(heliotrope __complete node 2>/dev/null)" -- "$cur")) ;;
    "node drain") COMPREPLY=($(compgen -W "$(heliotrope __complete node 2>/dev/null)" -- "$cur")) ;;
    "node undrain") COMPREPLY=($(compgen -W "$(heliotrope __complete node 2>/dev/null)" -- "$cur")) ;;
    "node lost") COMPREPLY=($(compgen -W "$(heliotrope __complete node 2>/dev/null)" -- "$cur")) ;;
    "region") COMPREPLY=($(compgen -W "list" -- "$cur")) ;;
    "datacenter") COMPREPLY=($(compgen -W "list get" -- "$cur")) ;;
    "datacenter get") COMPREPLY=($(compgen -W "$(heliotrope __complete datacenter 2>/dev/null)" -- "$cur")) ;;
    "account") COMPREPLY=($(compgen -W "list" -- "$cur")) ;;
    "curve") COMPREPLY=($(compgen -W "show import arrivals backtest" -- "$cur")) ;;
    "curve show") COMPREPLY=($(compgen -W "$(heliotrope __complete datacenter 2>/dev/null)" -- "$cur")) ;;
    "curve import") COMPREPLY=($(compgen -W "$(heliotrope __complete datacenter 2>/dev/null)" -- "$cur")) ;;
    "plan") COMPREPLY=($(compgen -W "show" -- "$cur")) ;;
    "decision") COMPREPLY=($(compgen -W "list watch" -- "$cur")) ;;
    "completion") COMPREPLY=($(compgen -W "bash zsh" -- "$cur")) ;;
  esac
}
complete -o default -F _heliotrope heliotrope
