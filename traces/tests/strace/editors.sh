echo hi > v; vim -es -u NONE -c "%s/hi/ho/" -c wq v
vim -es -u NONE -c "set backup" -c "%s/ho/ha/" -c wq v
vim -es -u NONE -c "set backupcopy=yes" -c "normal ofoo" -c wq v
sed -i s/ha/hu/ v; printf "a\nb\nc\n" > f; cp f g; sed -i s/b/B/ g; diff -u f g > p; patch f < p; patch -R f < p; patch --backup f < p
install -D -m 600 f x/y/z; mktemp -p .; truncate -s 1M sparse; cp --sparse=always sparse s2; fallocate -p -o 0 -l 4096 f
