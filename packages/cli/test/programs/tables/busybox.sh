# busybox (static): its shell and its own versions of the tools.
busybox sh -c 'echo hello | cat | tr a-z A-Z; echo a b c | while read x y; do echo "$y $x"; done; seq 5 | busybox tac | xargs echo'
busybox sh -c 'echo out; echo err >&2; cat nosuch' > o 2> e; echo $?; cat o e; busybox sh -c 'echo 1 > f; echo 2 >> f; cat < f; : > f; cat f; exec 3> g; echo x >&3; cat g; echo y 2>&1 >&2 | wc -c'
busybox sh -c 'sleep 0.1 & p=$!; echo started; wait $p; echo $?; (sleep 0.1; exit 3) & wait $!; echo $?; sleep 5 & p=$!; (sleep 0.3; kill $p) & wait $p; echo $?'
busybox sh -c 'for i in 1 2 3 4; do (sleep 0.$((i * 2)); echo $i) & done; wait; echo all; jobs'
cd $F; busybox sh -c 'echo *; echo tree/*/*; echo t[a-r]*; echo none*; echo [!t-z]*; echo tree/d/.*; echo w????'
busybox sh -c 'trap "echo usr1" USR1; trap "echo bye" EXIT; kill -USR1 $$; echo here; trap "" INT; kill -INT $$; echo alive; trap - INT; exit 4'; echo $?
busybox sh -c 'trap "echo term; exit 9" TERM; kill $$; echo not printed'; echo $?; busybox sh -c 'kill -9 $$'; echo $?; busybox sh -c 'kill -SEGV $$'; echo $?
busybox sh -c 'f() { local i=$1; [ $i -gt 0 ] && { echo $i; f $((i - 1)); }; }; f 3; case abc in a?c) echo glob;; esac; x=a.b.c; echo ${x%.*} ${x##*.} ${#x} ${y:-none} $((7 * 6)) $(echo sub) `echo back`'
busybox sh -c 'cat <<E
  here $((1 + 1))
  E
  ' 2>&1 | sed 's/line [0-9]*/line N/'
busybox sh -c 'set -e; false; echo no'; echo $?; busybox sh -c 'set -u; echo $none'; echo $?; busybox sh -c 'nosuchcommand'; echo $?; busybox sh -c 'exit 42'; echo $?; busybox ash -c 'echo $0 $1' a b; busybox sh -c 'if then'; echo $?
busybox sh -c 'mkfifo p; echo fifo > p & cat p; wait; umask 027; touch f; stat -c %a f; ulimit -n; cd /; pwd; cd /nosuch; echo $?; test -d /usr -a ! -f /usr; echo $?'
busybox sh -c 'seq 20000 | md5sum; yes | head -n 20000 | wc -c; dd if=/dev/zero bs=4k count=50 2>/dev/null | cksum; head -c 1000 /dev/urandom | wc -c; echo x | sha256sum'
busybox find $F/tree | sort; busybox find $F -name 't*' -type f -exec busybox wc -l {} \;; busybox grep -rn needle $F/tree | sort; busybox ls -l $F/tree/link | sed 's/.* \(l[^ ]* -> \)/\1/'
busybox sed -n '2,3s/a/A/gp' $F/table; busybox awk '{s += $2} END {print s, NR}' $F/table; busybox sort -k2n $F/table; busybox cut -d' ' -f3 $F/table; busybox uniq -c $F/table; busybox tr -d a < $F/table; busybox diff $F/table $F/unfinished; echo $?
busybox tar cf t.tar -C $F tree; busybox tar tf t.tar | sort; mkdir x; busybox tar xf t.tar -C x; busybox find x | wc -l; busybox gzip -k t.tar; busybox zcat t.tar.gz | cmp - t.tar && echo same; busybox bzip2 -c t.tar | busybox bunzip2 | cmp - t.tar && echo same
busybox cpio -o -H newc 2>/dev/null < <(cd $F; find tree | sort) | wc -c | awk '{print $1 > 0}'; cd $F; find tree -type f | busybox cpio -o -H newc 2>/dev/null | (cd $W; mkdir -p cp; cd cp; busybox cpio -id 2>/dev/null; find . | sort)
busybox vi -c q nothing < /dev/null > /dev/null 2>&1; echo ed; printf '1d\nw\nq\n' > cmds; cp $F/table t; busybox ed t < cmds; cat t; busybox hexdump -C $F/bytes | head -n 2; busybox xxd -l 16 $F/bytes; echo 'obase=16; 255' | busybox bc; busybox cal 2 2024
busybox ps | head -n 1; busybox uname -s; busybox id -u; busybox env -i A=1 busybox env; busybox nproc; busybox date -u -d @0; busybox expr 3 + 4; busybox printf '%s-%d\n' a 5; busybox basename /a/b; busybox realpath $F/tree/link; busybox readlink $F/tree/link; busybox stat -c '%a %s' $F/words
busybox timeout 0.2 busybox sleep 5; echo $?; busybox nice -n 3 busybox nice; busybox mktemp -u XXXXXX | wc -c; busybox nohup busybox echo x < /dev/null 2> /dev/null; busybox pidof nosuchprogram; echo $?; busybox usleep 1000; busybox xargs -n1 busybox echo < $F/unfinished; busybox time busybox true 2>&1 | wc -l
