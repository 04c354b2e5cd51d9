# Process 1 of the VM once its root is in place: completes the mounts, runs the command with its streams on the
# virtio ports, reports the exit status on another and switches the machine off.
bb=/run/vm/busybox

# The device of the virtio port with this name.
port() {
  for entry in /sys/class/virtio-ports/*; do
    if [ "$($bb cat "$entry/name" 2>/dev/null)" = "$1" ]; then
      echo "/dev/${entry##*/}"
      return
    fi
  done
}

$bb mkdir -p /dev/pts /dev/shm /run/lock
$bb mount -t devpts -o mode=620,ptmxmode=666,gid=5 devpts /dev/pts
$bb mount -t tmpfs -o mode=1777,nosuid,nodev shm /dev/shm
$bb mount -t cgroup2 cgroup2 /sys/fs/cgroup
for link in 'fd /proc/self/fd' 'stdin /proc/self/fd/0' 'stdout /proc/self/fd/1' 'stderr /proc/self/fd/2'; do
  [ -e "/dev/${link%% *}" ] || $bb ln -s "${link#* }" "/dev/${link%% *}"
done
$bb chmod 666 /dev/kvm
$bb ifconfig lo 127.0.0.1 up
$bb hostname testvm

# The command sees pipes: a virtio port is a character device, which programs take for a terminal or a file.
cd /run/vm || exit
if [ -e terminal ]; then
  # The size is forgotten when the last descriptor of the terminal closes, so it is set by the one that the command keeps.
  size="rows $($bb sed -n 1p terminal) cols $($bb sed -n 2p terminal)"
  $bb setsid -c $bb sh -c "$bb stty $size; exec $bb sh /run/vm/command" </dev/hvc0 >/dev/hvc0 2>&1
  status=$?
else
  $bb mkfifo in out err
  # Held open both ways until the command has started: nothing then waits in open(2) for the other end.
  exec 4<>out 5<>err
  $bb cat out 4>&- 5>&- >"$(port sbx.stdout)" &
  copy_out=$!
  $bb cat err 4>&- 5>&- >"$(port sbx.stderr)" &
  copy_err=$!
  if [ -e stdin ]; then
    $bb cat "$(port sbx.stdin)" 4>&- 5>&- >in &
    $bb setsid $bb sh /run/vm/command <in >out 2>err 4>&- 5>&-
    status=$?
  else
    $bb setsid $bb sh /run/vm/command </dev/null >out 2>err 4>&- 5>&-
    status=$?
  fi
  exec 4>&- 5>&-
  # Whatever the command left in the background may hold the pipes open: what it says in the next seconds still counts.
  (
    $bb sleep 5
    kill $copy_out $copy_err
  ) &
  wait $copy_out $copy_err
fi
{
  # A command that died of a signal: what the kernel has to say about it.
  if [ "$status" -ge 128 ]; then
    $bb dmesg | $bb grep -E 'segfault|traps:|general protection|Out of memory|lockup|BUG:' | $bb tail -n 10 | $bb sed 's/^/kernel /'
  fi
  echo "exit $status"
} >"$(port sbx.status)"
$bb poweroff -f
