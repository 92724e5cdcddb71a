# Counts to $2 in steps of some 20 ms; on SIGTERM saves the count and exits 85. Appends to the file $1
# what it does: start ATTEMPT FROM DATA_CENTER, save ATTEMPT COUNT, done ATTEMPT COUNT.
evidence=$1
target=$2
count=0
saved=$HELIOTROPE_CHECKPOINT_DIR/count
if [ -f "$saved" ]; then count=$(cat "$saved"); fi
save() {
  echo "$count" >"$saved.new"
  mv "$saved.new" "$saved"
  echo "save $HELIOTROPE_ATTEMPT $count" >>"$evidence"
  exit 85
}
trap save TERM
echo "start $HELIOTROPE_ATTEMPT $count $HELIOTROPE_DATACENTER $$" >>"$evidence"
while [ "$count" -lt "$target" ]; do
  sleep 0.02
  count=$((count + 1))
done
echo "done $HELIOTROPE_ATTEMPT $count" >>"$evidence"
echo "$count" >"$HELIOTROPE_OUTPUT_DIR/count"
echo "counted to $count"
