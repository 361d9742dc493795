mkdir -p a/b/c; for i in 1 2 3; do echo $i > a/b/f$i; done
ln -s b/f1 a/l; ln -s /srv/work/a/b a/abs; ln a/b/f1 a/hard; mkfifo a/p; chmod 4755 a/b/f2
tar cf x.tar a; tar czf y.tgz a; mkdir o; tar xf x.tar -C o; tar xpzf y.tgz -C o
tar tvf x.tar; tar --delete -f x.tar a/p; tar rf x.tar a/l
