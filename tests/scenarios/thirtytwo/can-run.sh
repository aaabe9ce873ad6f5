# Does this machine's kernel run such a program at all?
file=$(mktemp) || exit 1
perl "$(dirname "$0")/program.pl" > "$file"; chmod 755 "$file"
"$file" /nonexistent 2>/dev/null; status=$?
rm -f "$file"
[ $status != 126 ]
