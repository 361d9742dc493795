mkdir -p photos/2024 .cache
for i in 1 2 3; do echo img$i > photos/2024/IMG_$i.jpg; done
echo secret > photos/.nomedia
cp -r photos backup
mv photos/2024/IMG_1.jpg photos/cover.jpg
cat photos/2024/*.jpg > all.bin
ls -la photos photos/2024
rm backup/2024/IMG_2.jpg
rmdir .cache
ln -s photos/cover.jpg cover
cat cover missing
echo x >> all.bin
truncate -s 2 all.bin
dd if=/dev/zero of=big bs=4096 count=8 seek=2 status=none
mv -n big all.bin
chmod -R go-rwx photos
test -r photos/cover.jpg
find . -name 'IMG*' -newer cover
