# bash: loops, subshells, process substitution, pipes, redirections, job control, traps, expansions.
for i in 1 2 3; do (echo "in $i"; exit $i); echo $?; done; i=0; while ((i < 3)); do ((i++)); done; echo $i
for i in {1..20}; do (echo $((i * i))) & done | sort -n | tail -n 2; wait
n=0; for i in $(seq 30); do n=$((n + $(echo $i | { read x; echo $((x * 2)); }))); done; echo $n
diff <(seq 3) <(seq 2 4); cat <(echo a) <(echo b); tee >(tr a-z A-Z >&2) <<< both > /dev/null; sleep 0.3
paste <(cut -d' ' -f1 $F/table) <(cut -d' ' -f2 $F/table | sort -n); while read -r a b; do echo "$b-$a"; done < <(cut -d' ' -f1,2 $F/table)
exec 5> out; echo five >&5; exec 5>&-; cat out; { echo x; echo y >&2; } > o 2> e; cat e o; echo z >> o; wc -l < o; echo clobber > o; set -C; echo no > o; echo $?
echo to-stderr 2>&1 >&2 | cat; { echo 1; echo 2 >&2; } 2>&1 | sort -r; cat < nosuchfile; echo $?; echo x > /nosuchdirectory/f; echo $?; echo > .; echo $?
exec 3<> f; echo written >&3; exec 3<&-; cat f; exec 4< $F/words; read -u 4 a; read -u 4 b; echo $a $b; : 0<&4; read -N 5 -u 4 c; echo "$c"
cat <<< "here $((1 + 1))"; cat <<'  E'
  quoted $HOME
  E
  echo after
cat <<-E | tr a-z A-Z
	indented ${#W}x
	E
seq 100000 | tail -n 1; seq 100000 | head -n 1; echo ${PIPESTATUS[@]}; yes | head -n 1; echo ${PIPESTATUS[@]}; false | true; echo $?; set -o pipefail; false | true; echo $?
seq 3000 | while read x; do echo $x; done | md5sum; dd if=/dev/zero bs=64k count=16 status=none | tee >(md5sum > a) | md5sum; sleep 0.2; cat a
trap 'echo got USR1' USR1; trap 'echo leaving $?' EXIT; kill -USR1 $$; echo here; (exit 7)
trap 'echo int' INT; kill -INT $$; trap '' TERM; kill -TERM $$; echo survived; trap - TERM; trap; kill -TERM $$; echo not printed
# The child takes its time: bash 5.2 runs the trap inside its signal handler where the child ends just as `wait` begins, in the middle of malloc.
trap 'echo debug $BASH_COMMAND' DEBUG; echo a; trap - DEBUG; trap 'echo err $?' ERR; false; f() { return 3; }; f; trap 'echo child' CHLD; sleep 0.4 & wait; echo end
sleep 0.1 & p=$!; kill -0 $p; echo $?; wait $p; echo $?; kill -0 $p 2>/dev/null; echo $?; wait 99999; echo $?
sleep 5 & kill -TERM $!; wait $!; echo $?; sleep 5 & kill -9 $!; wait $!; echo $?; (kill -SEGV $BASHPID); echo $?; bash -c 'kill -ABRT $$'; echo $?
set -m; sleep 1.5 & jobs %1 | cut -c1-20; kill -STOP %1; sleep 0.1; jobs | cut -c5-11; kill -CONT %1; wait %1; echo $?; sleep 1 & disown; kill %1; jobs
(sleep 0.1; echo late) & echo early; wait; for i in 2 0.1 1; do (sleep $i; echo $i) & done; wait; wait -n; echo $?
coproc tr a-z A-Z; echo through >&${COPROC[1]}; eval "exec ${COPROC[1]}>&-"; cat <&${COPROC[0]}; wait; echo $?
x=$(exit 4); echo $?; x=$(echo a; echo; echo); echo "[$x]"; echo "$(< $F/table)" | wc -l; y=`echo nested \`echo deep\``; echo $y; echo $(kill -9 $BASHPID) $?
cd $F && echo *; echo tree/*/*; echo tree/**/t*; shopt -s globstar nullglob dotglob; echo tree/**/t*; echo nothing*; echo t[a-r]*; echo [!a-t]*; echo tree/d/*; shopt -s extglob; echo !(w*|t*|n*)
echo {a,b}{1..3} {01..03} ~root; v=path/to/file.tar.gz; echo ${v##*/} ${v%.*} ${v%%.*} ${v/to/from} ${v^^} ${#v} ${v:5:2} ${none:-default}; : ${none?is not set}; echo not printed
a=(x "y z" w); echo ${#a[@]} "${a[1]}" "${a[@]: -1}"; declare -A m=([k]=1 [l]=2); m[n]=3; echo ${#m[@]} $((m[k] + m[n])); printf '%s,' "${a[@]}"; mapfile -t l < $F/table; echo ${#l[@]}
echo $((2 ** 62)) $((7 / 2)) $((-7 % 3)) $((0x1f | 8)) $((5 > 3 ? 1 : 0)); echo $((1 / 0)); echo $?
f() { local x=$1; ((x <= 1)) && { echo 1; return; }; echo $((x * $(f $((x - 1))))); }; f 10
case abc in a*) echo a;& b) echo b;; *) echo no;; esac; [[ abc =~ ^(a)(.)c$ ]] && echo ${BASH_REMATCH[2]}; [[ $F/words -ef $F/../fixture/words ]] && echo same; select x in a b; do break; done < /dev/null; echo $?
read -t 0.1 x < <(sleep 1); echo $(($? > 128)); read -r -d, x <<< 'a\b,c'; echo "$x"; IFS=: read a b c <<< 1:2:3:4; echo "$c"; read -n 3 x <<< abcdef; echo $x
$F/script one; echo $?; cp $F/script ./mine && ./mine two; chmod -x mine; ./mine; echo $?; nosuchcommand; echo $?; $F/tree; echo $?; printf 'echo no shebang\n' > plain; chmod +x plain; ./plain; echo > empty; chmod +x empty; ./empty; echo $?
printf '#!/nosuch/interpreter\n' > s; chmod +x s; ./s; echo $?; printf '#! /bin/echo  two words \nx' > s; ./s last; printf '\177ELF broken' > s; ./s; echo $?; ln -s s loop; ./loop x | cut -c1-5
ulimit -n; ulimit -s; ulimit -c; ulimit -n 64; ulimit -n; ulimit -f 100; ulimit -f; (ulimit -f 1; head -c 100000 /dev/zero > big); echo $?; stat -c %s big; ulimit -v unlimited; echo $?
exec {fd}> x; echo $((fd >= 10)); ls -l /proc/self/fd/$fd | sed 's/.*-> //' | xargs basename; readlink /proc/self/fd/0; test -e /dev/fd/$fd; echo $?; test -t 0; echo $?; (echo x > /dev/stdout; echo y > /dev/stderr) 2>&1 | cat; cat /dev/stdin < $F/unfinished
umask; umask 077; touch f; stat -c %a f; mkdir d; stat -c %a d; umask -S; cd d; echo ${PWD##*/}; cd -  > /dev/null; pushd d > /dev/null; popd > /dev/null; cd none; echo $?; rmdir d; mkdir gone; cd gone; rmdir ../gone; pwd -P; ls; touch x; echo $?
times | wc -l; echo $((SECONDS < 100)) $((RANDOM >= 0)) ${BASH_VERSINFO[0]} $((EUID == UID)) $PPID > /dev/null; echo $LINENO $- | tr -d s; time (true) 2>/dev/null; type -t cd ls for f; hash ls; command -v ls; builtin echo b
exec bash -c 'echo replaced $0' name; echo not printed
bash -c 'exit 300'; echo $?; bash -n -c 'if'; echo $?; bash -e -c 'false; echo no'; echo $?; bash -u -c 'echo $nope'; echo $?; bash -x -c 'a=1; echo $a'; bash -s a b <<< 'echo $2 $#'; dash -c 'echo dash $0'; sh -c 'echo "$@"' x 1 2
mkfifo p; (echo via fifo > p) & read x < p; echo $x; wait; (for i in 1 2 3; do echo $i; done > p) & cat p; exec 7<> p; echo kept >&7; read -u 7 y; echo $y; flock -n 7 echo locked; (flock -n 9 && ! flock -n -x p true && echo busy) 9< p
for i in $(seq 200); do echo $i > many$i; done; ls | wc -l; cat many* | sort -n | md5sum; rm many1*; ls | wc -l; touch a{1..300}; ls a* | wc -l; rm -f a*; ls | wc -l
x=1; (x=2; exec > f; echo $x); cat f; echo $x; { x=3; } | cat; echo $x; shopt -s lastpipe; echo 4 | read x; echo $x; y=$(x=5; echo $x); echo $x$y; export x; bash -c 'echo $x; x=9'; echo $x; env x=7 bash -c 'echo $x'; x=8 bash -c 'echo $x'
kill -l 9 15 137; kill -l TERM; kill -s NONSENSE $$; echo $?; kill 999999; echo $?; kill -0 $PPID; echo $?; (trap 'echo rt' RTMIN+3; kill -RTMIN+3 $BASHPID; echo after); sleep 0.2 & kill -STOP $!; kill -CONT $!; wait; echo $?
bash -c 'sleep 5 & echo $! > pid; exit'; p=$(cat pid); kill -0 $p; echo $?; ps -o ppid= -p $p > /dev/null; kill $p; while [[ $(ps -o stat= -p $p) == S* ]]; do sleep 0.1; done; setsid bash -c 'ps -o sid= -p $$ | tr -d " " > s; echo $$ > p; cmp s p && echo leader'; wait
