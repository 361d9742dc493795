# usage: attached.sh 1|2, in the mount; strace is attached where 2 waits
case $1 in
1)
    mkdir -p d1/d2 && echo hello > d1/a && echo world > d1/d2/b && ln d1/a d1/a2 && ln -s a d1/l
    seq 1 3000 > d1/seq
    cp -r d1 copy
    setfattr -n user.k -v v d1/a
    ;;
2)
    exec 5<>d1/seq 6>>d1/a
    read -r attached
    echo appended >&6
    head -c 100 <&5 >/dev/null
    ls -la d1
    cat d1/d2/b copy/a
    rm d1/a2
    mv d1/d2 moved
    mkdir d1/new
    echo x > d1/new/f
    chmod 600 d1/seq
    truncate -s 10 copy/seq
    rm d1/seq
    head -c 10 <&5 >/dev/null
    echo more >&5
    getfattr -d d1/a
    rm -r copy
    stat . d1 moved
    find . -type f | xargs cat
    rmdir d1
    rm -r d1/new
    exec 5>&- 6>&-
    ls -R .
    ;;
esac
