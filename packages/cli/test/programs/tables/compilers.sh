# C and C++: programs that were built on this machine, and building and running them.
for p in glibc glibc-static musl musl-static; do $F/hello-$p one two; echo $?; done; $F/hello-glibc < /dev/null > /dev/full; echo $?; $F/hello-cxx; ldd $F/hello-glibc-static; echo $?; $F/hello-musl | tail -n 1
cp $F/scripts/hello.c . && gcc -O2 -Wall -o h hello.c -pthread && ./h dynamic; echo $?; gcc -static -o h hello.c && ./h static; echo $?; musl-gcc -o h hello.c && ./h musl; echo $?; musl-gcc -static -o h hello.c && ./h musl-static; echo $?; ls; strip h; ./h stripped; echo $?
g++ -O1 -o h $F/scripts/hello.cc -pthread && ./h; echo $?
gcc -c none.c; echo $?; echo 'int main( {' > b.c; gcc b.c; echo $?; gcc -E - <<< X | tail -n 1; gcc -S -o - -x c - <<< 'int f(void) { return 7; }' | grep -c 'ret'; gcc -fsanitize=undefined -o u -x c - <<< 'int main(int c, char **v) { int x = 2147483647; return x + c > 0; }' && ./u; echo $?
printf 'f.o: f.c\n\tgcc -c f.c\np: m.o f.o\n\tgcc -o p m.o f.o\n' > Makefile; echo 'int f(void) { return 5; }' > f.c; echo 'int f(void); int main(void) { return f(); }' > m.c; make -s -j2 p; ./p; echo $?; ar rcs l.a f.o; gcc m.c l.a -o q; ./q; echo $?
  gcc -shared -fPIC -o libf.so f.c; gcc m.c -L. -lf -Wl,-rpath,. -o r; ./r; echo $?; gcc -flto -O2 m.c f.c -o l; ./l; echo $?; LD_PRELOAD=./libf.so ./q; echo $?; objdump -d l | grep -c main
