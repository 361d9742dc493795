mkdir -p a/b; for i in 1 2 3; do seq $i 200 > a/b/f$i; done; ln -s b/f1 a/l
rsync -a a/ z/; echo more >> a/b/f1; rm a/b/f2; rsync -aH --delete -v a/ z/
rsync -a --inplace a/ z/; rsync -a --link-dest=../z a/ y/; rsync -a --partial --backup a/ z/
