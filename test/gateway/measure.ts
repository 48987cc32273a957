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
  const bytes=await new Promise(done=>{const s=net.connect({host,port:+port}); let n=0; const b=Buffer.alloc(1<<20); const total=300<<20; let sent=0; const t=performance.now();
    const go=()=>{while(sent<total){sent+=b.length; if(!s.write(b)) return s.once('drain',go);} }; s.on('connect',go); s.on('data',d=>{n+=d.length; if(n>=total){done(total/((performance.now()-t)/1000)/1e6); s.destroy();}});});
  console.log(JSON.stringify({medianMs:+each[200].toFixed(3),p99Ms:+each[396].toFixed(3),echoMBs:Math.round(bytes)}));
})();`;

const BURST = `
const net=require('net'); const [host,port]=process.argv[1].split(' ');
const once=()=>new Promise((done,fail)=>{const s=net.connect({host,port:+port,noDelay:true}); s.on('connect',()=>s.write('\\0x')); s.on('data',()=>s.end()); s.on('close',done); s.on('error',fail);});
(async()=>{let left=600; const t=performance.now(); await Promise.all(Array.from({length:8},async()=>{while(left-->0) await once();})); console.log(600/((performance.now()-t)/1000));})();`;
/** One agent's new connections are paced, so the capacity is that of several. */
const AGENTS = ['coder', 'two', 'three', 'four'];

const world = await new World().start({ 'allow.test': '203.0.113.10' });
try {
  await world.policy(Object.fromEntries(AGENTS.map((name) => [name, [{ host: 'allow.test', port: 7000 }]])));
  for (const name of AGENTS) await world.agent(name);
  const address = '198.18.0.16';
  for (const name of AGENTS) await world.python(name, "socket.gethostbyname('allow.test')");
  const node = [process.execPath, '-e'];
  for (let round = 0; round < 3; round++) {
    console.log('direct ', (await world.outsideRun([...node, CLIENT, '203.0.113.10 7000'])).out.trim());
    console.log('through', (await world.run('coder', [...node, CLIENT, `${address} 7000`])).out.trim());
    const direct = await Promise.all(AGENTS.map(() => world.outsideRun([...node, BURST, '203.0.113.10 7000'])));
    const through = await Promise.all(AGENTS.map((name) => world.run(name, [...node, BURST, `${address} 7000`])));
    const sum = (runs: readonly { out: string }[]): number =>
      Math.round(runs.reduce((all, { out }) => all + Number(out), 0));
    console.log(`new connections a second, ${AGENTS.length} at once: direct ${sum(direct)}, through ${sum(through)}`);
  }
} finally {
  await world.stop();
}
