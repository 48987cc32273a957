// Measures the gateway beside a direct connection, in one run: node test/gateway/measure.ts
// The same client does the same either inside a compartment (through the gateway) or in the pretended internet (directly).
import { World } from './world.ts';

const CLIENT = `
const net=require('net'); const [host,port]=process.argv[1].split(' ');
const once=()=>new Promise((done,fail)=>{const s=net.connect({host,port:+port,noDelay:true}); s.on('connect',()=>s.write('\\0x')); s.on('data',()=>s.end()); s.on('close',done); s.on('error',fail);});
(async()=>{
  for(let i=0;i<100;i++) await once();
  const each=[]; for(let i=0;i<400;i++){const t=performance.now(); await once(); each.push(performance.now()-t);}
  each.sort((a,b)=>a-b);
  let left=4000; const t=performance.now(); await Promise.all(Array.from({length:32},async()=>{while(left-->0) await once();}));
  const perSecond=4000/((performance.now()-t)/1000);
  const bytes=await new Promise(done=>{const s=net.connect({host,port:+port}); let n=0; const b=Buffer.alloc(1<<20); const total=300<<20; let sent=0; const t=performance.now();
    const go=()=>{while(sent<total){sent+=b.length; if(!s.write(b)) return s.once('drain',go);} }; s.on('connect',go); s.on('data',d=>{n+=d.length; if(n>=total){done(total/((performance.now()-t)/1000)/1e6); s.destroy();}});});
  console.log(JSON.stringify({medianMs:+each[200].toFixed(3),p99Ms:+each[396].toFixed(3),perSecond:Math.round(perSecond),echoMBs:Math.round(bytes)}));
})();`;

const world = await new World().start({ 'allow.test': '203.0.113.10' });
try {
  await world.policy({ coder: [{ host: 'allow.test', port: 7000 }] });
  await world.agent('coder');
  const { out: address } = await world.python('coder', "print(socket.gethostbyname('allow.test'))");
  for (let round = 0; round < 3; round++) {
    const direct = await world.outsideRun([process.execPath, '-e', CLIENT, '203.0.113.10 7000']);
    const through = await world.run('coder', [process.execPath, '-e', CLIENT, `${address.trim()} 7000`]);
    console.log('direct ', direct.out.trim(), direct.err);
    console.log('through', through.out.trim(), through.err);
  }
} finally {
  await world.stop();
}
