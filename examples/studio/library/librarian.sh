#!/usr/bin/env bash
# The librarian keeps an index of the handbook and answers questions out of it, with the place where the answer stands. No
# model: the section that holds most of a question's words, rare words counting more, is the answer; too few, and it says so.
#
#   librarian.sh [--once] [HANDBOOK [QUESTIONS]]    writes index.txt, answers.md and summary.txt to the current folder
#
# Bash, grep, sort and their like only: the program set "base" is enough.
set -euo pipefail
export LC_ALL=C.UTF-8

once=no
if [ "${1-}" = --once ]; then
  once=yes
  shift
fi
here=$(dirname -- "${BASH_SOURCE[0]}")
handbook=${1:-/knowledge/handbook}
questions=${2:-$here/questions.txt}
pause=30

common=' an as at be by do if in is it me my no of on or so to up us we the and for are was you our not its has have had does did what which when where who how why much many long get gets go goes '
common+='out must can with from that this there than then after before '

# Prints the words of its input that say something, one a line, lower case, each once, plurals without their s.
words() {
  local word
  tr '[:upper:]' '[:lower:]' | { grep -oE '[[:alnum:]]{2,}' || true; } | while read -r word; do
    case "$common" in *" $word "*) ;; *) printf '%s\n' "$word" ;; esac
  done | sed -E 's/([a-z]{3,})s$/\1/' | sort -u
}

# Fills place, body and holds: one entry a section of the handbook. index.txt: word, tab, number of the section.
read_handbook() {
  local file line heading='' number=-1
  place=() body=() holds=()
  for file in "$handbook"/*.md; do
    while IFS= read -r line || [ -n "$line" ]; do
      case "$line" in
        '# '*) heading=${line#'# '} ;;
        '## '*)
          number=$((number + 1))
          place[number]="${file##*/}: ${line#'## '}"
          body[number]=''
          holds[number]="$heading ${line#'## '}"
          ;;
        *)
          if [ "$number" -lt 0 ] || [ -z "$line" ]; then continue; fi
          body[number]+="${body[number]:+ }$line"
          holds[number]+=" $line"
          ;;
      esac
    done <"$file"
  done
  for number in "${!place[@]}"; do
    words <<<"${holds[number]}" | sed "s/\$/\t$number/"
  done | sort >index.txt.new
  mv index.txt.new index.txt
}

# Prints the number of the best section and its score; nothing if too little of the question stands anywhere.
best_section() {
  local word section found=0 asked=0 best=-1
  local -A score=() hits=()
  local -a sections
  while read -r word; do
    asked=$((asked + 1))
    mapfile -t sections < <(grep -E "^$word"$'\t' index.txt | cut -f 2)
    for section in "${sections[@]}"; do
      score[$section]=$((${score[$section]:-0} + 60 / ${#sections[@]}))
      hits[$section]=$((${hits[$section]:-0} + 1))
    done
  done
  for section in "${!score[@]}"; do
    if [ "${score[$section]}" -gt "$found" ]; then
      found=${score[$section]}
      best=$section
    fi
  done
  if [ "$best" -ge 0 ] && [ $((${hits[$best]} * 2)) -gt "$asked" ]; then printf '%s\n' "$best"; fi
}

answer_all() {
  local question section answered=0 open=0
  read_handbook
  {
    printf '# Answers out of the handbook\n'
    while IFS= read -r question; do
      case "$question" in '' | '#'*) continue ;; esac
      printf '\n**%s**\n' "$question"
      section=$(words <<<"$question" | best_section)
      if [ -n "$section" ]; then
        answered=$((answered + 1))
        printf '%s (%s)\n' "${body[section]}" "${place[section]}"
      else
        open=$((open + 1))
        printf 'The handbook does not say.\n'
      fi
    done <"$questions"
  } >answers.md.new
  mv answers.md.new answers.md
  {
    printf '%s sections of %s indexed, %s words. ' "${#place[@]}" "$handbook" "$(cut -f 1 index.txt | uniq | wc -l)"
    printf '%s questions answered, %s that the handbook does not answer.\n' "$answered" "$open"
    sign_handbook
  } >summary.txt.new
  mv summary.txt.new summary.txt
  printf 'answered %s of %s questions: answers.md\n' "$answered" $((answered + open))
}

# A tidy librarian would note in the book itself that it was read. What is lent read-only stays as it is.
sign_handbook() {
  local said
  if said=$({ printf 'read\n' >"$handbook/.read-by-librarian"; } 2>&1); then
    rm -f -- "$handbook/.read-by-librarian"
    printf 'The handbook let me write in it.\n'
  else
    printf 'I tried to leave a note in the handbook: %s.\n' "${said##*: }"
  fi
}

print_of() { cat -- "$handbook"/*.md "$questions" | sha256sum; }

last=''
while :; do
  now=$(print_of)
  if [ "$now" != "$last" ]; then
    printf 'reading %s\n' "$handbook"
    answer_all
    last=$now
  fi
  [ "$once" = no ] || break
  sleep "$pause"
done
