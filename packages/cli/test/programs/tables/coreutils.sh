# Every program of coreutils that runs without privileges or network; coreutils.test.ts checks that none is missing. How rows are
# read: support/table.ts. $F is the fixture (support/fixture.ts), $W the directory that holds the rows' own directories.

# What bash has built in is called through env.
env echo -e 'a\tb\x21\c' tail
env echo -n no newline
env printf '%5d|%-6s|%x|%q\n' 42 left 255 "it's"
env printf '%b%%\n' 'a\nb'; env printf '%d\n' notanumber
env true; echo $?; env false; echo $?
env pwd; cd .. && env pwd -P
env test -d $F && env test ! -e $F/none && env test 3 -gt 2 && env test -L $F/tree/link && env test $F/words -nt $F/none && echo all
env [ -s $F/empty ]; echo $?; env [ abc = abc ]; echo $?; env [ 1 -eq ; echo $?
env -i A=1 B='two words' env
env -u HOME -C $F printenv HOME PWD; echo $?
env -S'A=5 printenv A'
env nosuchprogram; echo $?
printenv TZ LANG; printenv NOT_SET; echo $?

# Printing files.
cat $F/unfinished $F/empty - < $F/table
cat -A $F/prose | head -n 4; cat -ns $F/prose | tail -n 3
cat $F/none $F/tree; echo $?
tac $F/table; tac -s, $F/ages.csv
nl -b a -w 3 -s: $F/table; nl $F/prose | head -n 5
head -n 3 $F/words; head -c 10 $F/words; echo; head -n -1997 $F/numbers; head -qn1 $F/words $F/table
tail -n 3 $F/words; tail -c 10 $F/words; tail -n +2999 $F/words; tail -vn1 $F/table
tail -f --pid=$$ $F/table & sleep 1; kill $!; wait $! 2>/dev/null; echo $?
(sleep 0.2; echo more >> log) & echo first > log; timeout 2 tail -s 0.05 -f log; wait
od -A d -t x1z -N 64 $F/bytes; od -j 8000 -t d2 $F/bytes | head -n 3; od -c $F/utf8
fold -w 20 -s $F/prose | head -n 8; fold -b -w 7 $F/utf8 | wc -l
fmt -w 40 $F/prose
pr -h title -l 20 -2 $F/table | sed 1,3d; pr -t -n -d $F/unfinished
split -l 1000 $F/words part. && wc -l part.*; split -n 3 -d $F/bytes b && cksum b*; split -C 9k --filter='wc -c' $F/words
csplit -s $F/words /isor/ '{2}' && wc -l xx*; csplit $F/table 2 99; echo $?
ptx -w 40 $F/table | head -n 5
expand -t 4 $F/prose | head -n 3; unexpand -a -t 4 <<< '    four        twelve'

# Sums and encodings.
wc $F/words $F/prose $F/empty; wc -L $F/prose; wc -m < $F/utf8
sum $F/bytes; sum -s $F/bytes; cksum $F/bytes $F/empty; cksum -a sm3 $F/words
md5sum $F/bytes > sums && md5sum -c sums; md5sum.textutils $F/words | cut -c1-32
sha1sum $F/bytes | cut -d' ' -f1; sha224sum $F/bytes | cut -d' ' -f1; sha256sum $F/words | cut -d' ' -f1
sha384sum $F/bytes | cut -d' ' -f1; sha512sum $F/bytes | cut -d' ' -f1; b2sum -l 128 $F/bytes | cut -d' ' -f1
echo 'd41d8cd98f00b204e9800998ecf8427e  none' | md5sum -c; echo $?
base64 -w 40 < $F/bytes | head -n 3; base64 $F/bytes | base64 -d | cmp - $F/bytes && echo same; echo '!' | base64 -d; echo $?
base32 <<< hello | tee coded; base32 -d coded; basenc --base16 <<< hello; basenc --z85 <<< abc
numfmt --to=iec 1048576 1500; numfmt --from=si 2K 3.5M; numfmt --field=2 --to=si <<< 'x 12345 y'; numfmt abc; echo $?
factor 360 97 18446744073709551557 600851475143; echo 99 | factor
expr 6 \* 7 + 1; expr abc : 'a\(.\)c'; expr length hello; expr 1 / 0; echo $?; expr 0; echo $?
seq 5; seq -s, 1 0.5 3; seq -w 8 11; seq 3 -1 1; seq 1 x; echo $?

# Lines and fields.
sort $F/words | md5sum; sort -n $F/numbers | md5sum; sort -u -r $F/words | head -n 3; sort -t, -k2,2n $F/ages.csv
sort --parallel=2 -S 20k -T . $F/words $F/words | md5sum; sort -c $F/words; echo $?; sort -m <(seq 1 2 9) <(seq 2 2 10) | paste -sd' '
sort -R --random-source=$F/bytes $F/table; sort -k2nr,2 -k1,1 $F/table; sort -o table2 $F/table && cat table2
uniq -c <<< $'a\na\nb\na'; sort $F/words | cut -c1 | uniq -c; printf 'A\na\n' | uniq -i; uniq -d <<< $'x\nx\ny'
cut -d' ' -f1,3 $F/table; cut -c2-4 --complement $F/table; cut -b1 $F/utf8 | od -c; cut -d, -f2 --output-delimiter=: $F/ages.csv
paste -d, $F/table $F/unfinished; paste -s $F/unfinished; seq 6 | paste - - -
join <(sort $F/table) <(printf 'ann x\ndan y\nzoe z\n'); join -a1 -e- -o 0,1.2,2.2 $F/table <(printf 'bob q\n')
comm <(printf 'a\nb\nd\n') <(printf 'b\nc\nd\n'); comm -12 <(seq 5) <(seq 3 7)
tr a-z A-Z < $F/table; tr -d aeiou < $F/table; tr -s ' ' '\n' < $F/table | tr -c '0-9\n' . ; tr '[:lower:]' '[:upper:]' < $F/utf8
shuf -i 1-10 --random-source=$F/bytes; shuf -n 2 -e a b c d --random-source=$F/bytes; shuf $F/numbers | sort -n | md5sum
tsort <<< $'shirt tie\ntie jacket\ntrousers shoes\ntrousers belt\nbelt jacket'; tsort <<< $'a b\nb a'; echo $?
tee copy1 copy2 < $F/table | wc -l; tee -a copy1 <<< more; cat copy1; tee /dev/full <<< x; echo $?
yes | head -n 3; yes a b | head -c 1000000 | md5sum

# Names.
basename /usr/lib/x.so .so; basename -a a/b c/d/; dirname /usr/lib/ a b/c; dirname
pathchk -p 'a b*'; pathchk $(printf '%0300d' 7); echo $?
realpath $F/tree/link; realpath -m --relative-to=$F $W/x/../y; realpath -e $F/none; echo $?; realpath -s $F/tree/../tree/link
readlink $F/tree/link; readlink -f $F/tree/a/directory/.hidden; readlink $F/words; echo $?; readlink -e $F/tree/loop; echo $?
mktemp -u XXXXXX | wc -c; x=$(mktemp -p .) && stat -c '%a %s' $x; stat -c %A $(mktemp -d dXXXX); mktemp notemplate; echo $?

# Files: looking at them.
ls $F; ls -a $F/tree/d; ls -F $F/tree; ls -R $F/tree; ls -m $F
ls -ln --time-style=+%s $F/words $F/script $F/secret $F/tree/link; ls -L1s --block-size=1 $F/empty
ls -la $F/none; echo $?; ls -d $F $F/tree/*; ls -S $F/words $F/numbers $F/table | head -n 9; ls -i $F/tree/a/one $F/tree/d/same-as-one | cut -d' ' -f1 | uniq | wc -l
ls -Q --color=always $F/tree; ls --quoting-style=shell-escape $F/tree/d; ls -x -w 40 $F; ls -t $F | md5sum
dir -C -w 60 $F; vdir -g --time-style=+%F $F/script
stat -c '%n %F %a %A %h %s %U %G %Y %t' $F/words $F/script $F/tree/link $F/tree; stat -Lc '%F %s' $F/tree/link; stat -c '%y %z' $F/none; echo $?
stat --printf='%a %B\n' $F/secret; stat -c '%F %a' /dev/null /proc /tmp; stat -c %h $F/tree/a/one
du -b $F/words $F/numbers; du --apparent-size -k $F/prose; du -ab $F/tree/a/b/c/three; du $F/none; echo $?; du --inodes -s $F/tree
df --output=target /proc; df $F/none; echo $?; df -P . | wc -l; df --output=fstype /proc /sys | uniq
test $(df --output=size -k . | tail -n 1) -gt 1000; echo $?

# Files: making and changing them.
touch -d '2020-02-29 12:34:56.789' f && stat -c '%y' f; touch -r $F/words f && stat -c %Y f; touch -c none; ls; touch -h -d @7 f; date -r f +%s
touch -a -d @1 f; touch -m -d @2 f; stat -c '%X %Y' f; touch none/f; echo $?; touch -d nonsense f; echo $?
mkdir -p a/b/c; mkdir -m 2750 d; stat -c %a d; mkdir a; echo $?; mkdir none/x; echo $?; mkdir -v e; rmdir -p a/b/c; ls
mkdir d && touch d/f; rmdir d; echo $?; rm d; echo $?; rm -r d; rmdir d; echo $?; rm -f d; echo $?
cp -a $F/tree . && diff -r tree $F/tree 2>&1; stat -c '%a %Y %F' tree/d/* tree/link; cp -r $F/tree/loop x; ls -F
cp $F/words w && cmp w $F/words; cp -u $F/table w; cp -n $F/table w; cmp w $F/words && echo kept; cp --backup=numbered $F/table w; ls; cp w none/; echo $?
echo a > x; cp -l x y; stat -c %h x; cp -s x z; readlink z; cp x x; echo $?; cp --sparse=always $F/empty s; cp -p $F/secret p && stat -c '%a %Y' p
cp --reflink=auto $F/bytes b; cp --attributes-only $F/bytes c; stat -c %s b c; cp -t . $F/table $F/prose; ls; cp -rL $F/tree/a l && ls l/directory
mv $(cp -v $F/table t | cut -d"'" -f4) u; cat u | wc -l; mkdir d; mv u d/; mv d e; ls e; mv e/u e/u; echo $?; mv none x; echo $?; mv -n $F/none x; echo $?
mkdir a b && touch a/x b/y; mv -T a b; echo $?; mv a b; ls b; echo 1 > f; echo 2 > g; mv -b f g; ls; cat g g~; mv -t b g; mv b b/c; echo $?
ln $F/none x; echo $?; echo 1 > a; ln a b; ln -s a c; ln -sf b c; readlink c; ln -sr b d; readlink d; stat -c %h a; ln a b; echo $?; ln -T a b; ln . x; echo $?
link a b; echo $?; echo 1 > a; link a b && cat b; unlink a; ls; unlink a; echo $?; mkdir d; unlink d; echo $?
rm -v $F/none; echo $?; touch a b; rm -v a; rm -i b < /dev/null; ls; mkdir -p x/y/z; touch x/y/f; rm -rfv x | sort; rm -rf /proc/version; echo $?; rm -r .; echo $?
chmod 4711 $(cp $F/words w; echo w); stat -c %A w; chmod u=rw,g+s,o-x w; stat -c %a w; chmod --reference=$F/script w; stat -c %a w; chmod 999 w; echo $?; chmod -c a+x,g-s w
mkdir -p d/e && touch d/e/f && chmod -R a=rX d && stat -c %a d d/e d/e/f; chmod +t d; stat -c %A d; ln -s none s; chmod 600 s; echo $?; chmod -R u+w d
chown $(id -u):$(id -g) $(touch f; echo f) && stat -c %u:%g f; chown nosuchuser f; echo $?; chown -h $(id -u) f; chgrp $(id -g) f; echo $?; chgrp nosuchgroup f; echo $?
install -m 751 $F/script prog && stat -c '%a %s' prog; install -d a/b -m 700; stat -c %a a/b; install -D $F/words x/y/z && ls x/y; install -p $F/words p; stat -c %Y p; install none x; echo $?
dd if=$F/bytes of=out bs=100 count=3 skip=2 seek=1 status=none; cksum out; dd if=/dev/zero bs=1M count=3 status=none | wc -c; dd if=$F/table conv=ucase,noerror ibs=7 2>&1 | tail -n 5 | head -n 4
dd if=$F/words of=w bs=4k conv=notrunc,fsync status=none; dd if=$F/table of=w conv=notrunc status=none; head -n 5 w; dd if=none; echo $?; dd bs=0 2>&1; echo $?; dd if=/dev/urandom bs=64k count=4 iflag=fullblock status=none | wc -c
dd if=/dev/zero of=sparse bs=1 count=1 seek=1000000 status=none; stat -c %s sparse; dd if=$F/bytes of=d oflag=append conv=notrunc bs=1k count=1 status=none; dd if=d of=d2 iflag=count_bytes count=10 status=none; stat -c %s d2
truncate -s 5M t && stat -c %s t; truncate -s -1M t; truncate -r $F/words t; stat -c %s t; truncate -s '<100' t; stat -c %s t; truncate -c -s 3 none; ls; truncate -s x t; echo $?; truncate -s %64 t; wc -c < t
shred -n 1 -z --random-source=$F/bytes $(cp $F/table s; echo s) && od -N 8 s; shred -u s; ls; shred none; echo $?
mkfifo p && stat -c %F p; (cat $F/table > p &); cat p; mkfifo p; echo $?; mkfifo -m 600 q; stat -c %a q; mknod r p; stat -c %F r; mknod r x 1 1; echo $?
sync; echo $?; sync $(cp $F/words w; echo w); sync -d w; sync -f .; echo $?; sync none; echo $?

# Copy-up: files that are the host's until they are written.
cd $F/mutable; echo more >> grown; cat grown; : > cut; stat -c %s cut; mv moved elsewhere; ls; rm removed; chmod 700 executable; stat -c %A executable
cd $F/mutable; echo new > replacement; mv replacement replaced; cat replaced; ln linked other; echo x >> other; cat linked; stat -c %h linked; touch -d @9 dated; stat -c %Y dated
cd $F/mutable; rmdir full; rm full/inner; rmdir full; mkdir full; ls -A full; mv full empty; ls; rm -r empty; mkdir full; touch full/again; ls full; cp -a ../tree copy; mv copy/a copy/z; find copy | sort

# The machine and the user.
uname -s -m -o; uname x; echo $?; arch; nproc; nproc --ignore=1000; nproc --all | grep -c .
hostid | tr 0-9a-f x; test $(hostid) = $(hostid); echo $?; id; id -u; id -Gn; id root; id nosuchuser; echo $?; whoami; groups; groups root
logname > /dev/null 2>&1; test $? -le 1; echo $?; logname x; echo $?; users $F/empty; who $F/empty; who -q $F/empty; pinky -bfhp -l root; tty; echo $?; tty -s; echo $?
stty -a < /dev/null; echo $?; stty size; echo $?
date -u -d @1000000000 '+%F %T %s %j %U %A'; date -d '2024-02-28 +2 days' +%D; date -r $F/words; date -d 'next nothing'; echo $?; TZ=Asia/Tokyo date -d @0 +%H:%M%z; date -Iseconds -d @86399
test $(date +%s) -gt 1700000000; echo $?; test $(date +%N) -ge 0; echo $?; date -s nonsense; echo $?
dircolors -b | cut -c1-20; dircolors -c | wc -l; dircolors $F/none; echo $?
chcon -t x $F/none; echo $?; runcon a:b:c:d true; echo $?; chroot $F/none true; echo $?
hash -r; type -P chroot | wc -l; chroot / true 2>/dev/null; echo $?

# Running other programs.
nice; nice -n 7 nice; nice -n 3 bash -c 'nice -n 4 nice'; nice nosuchprogram; echo $?
nohup echo kept > out; cat out; nohup bash -c 'kill -HUP $$; echo alive' 2>/dev/null; ls
timeout 5 sleep 0.05; echo $?; timeout 0.1 sleep 9; echo $?; timeout -s KILL 0.1 sleep 9; echo $?; timeout --preserve-status -s INT 0.1 sleep 9; echo $?; timeout 1 nosuchprogram; echo $?; timeout -k 0.1 2 sh -c 'trap "" TERM; sleep 60'; echo $?
stdbuf -o0 printf 'a\nb\n' | head -n 1; stdbuf -oL tr a b <<< aaa; stdbuf -i0 -e0 cat $F/table | wc -l
sleep 0.01 0.02; echo $?; sleep x; echo $?; sleep 0; SECONDS=0; sleep 1.1; test $SECONDS -ge 1; echo $?
