echo 'const fs=require("fs");fs.writeFileSync("a","x");for(let i=0;i<12;i++)fs.promises.writeFile("b"+i,"y".repeat(i)).then(()=>fs.promises.rename("b"+i,"c"+i)).then(()=>fs.promises.copyFile("c"+i,"z"+i)).then(()=>fs.promises.readdir(".")).then(()=>fs.promises.unlink("c"+i));fs.mkdtempSync("t");fs.createReadStream("j.js").pipe(fs.createWriteStream("k.js"))' > j.js
node j.js
