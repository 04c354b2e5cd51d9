#!/bin/busybox sh
# First program of the VM, in the initramfs: loads the modules, makes the host's tree the root (read-only, with memory on
# top) and starts agent.sh there. The files beside it were put there by initramfs.ts.
bb=/bin/busybox

fail() {
  echo "init: $*" >/dev/console
  $bb poweroff -f
}

$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do
  $bb insmod "/modules/$module" || fail "insmod $module"
done </modules/order

$bb mount -t virtiofs host /host || fail 'the host did not share its files'
# The default of 128 KiB makes the first start of a large program slow.
for bdi in /sys/class/bdi/*/read_ahead_kb; do echo 1024 >"$bdi"; done

$bb mount -t tmpfs -o mode=755 memory /memory
$bb mkdir /memory/upper /memory/work
# The overlay's work directory must not be left over in the listing of the root; the root's mode is the host's.
$bb mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root || fail 'overlay'
while read -r folder; do
  $bb mount --bind "/host$folder" "/root$folder" || fail "--writable $folder"
done </run-files/writable

for folder in proc sys dev; do $bb mount --move /$folder /root/$folder; done
$bb mount -t tmpfs -o mode=755,nosuid,nodev run /root/run
$bb mkdir /root/run/vm
$bb cp /bin/busybox /agent.sh /run-files/* /root/run/vm/
exec $bb switch_root /root /run/vm/busybox sh /run/vm/agent.sh
