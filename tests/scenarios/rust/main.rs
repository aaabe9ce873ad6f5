use std::ffi::CString;
use std::os::raw::c_char;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::process::Command;

extern "C" {
    fn chown(path: *const c_char, uid: u32, gid: u32) -> i32;
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args();
    if arguments.len() > 1 {
        println!("again {:?}", arguments.nth(1));
        return Ok(());
    }
    let me = std::env::current_exe()?;
    print!("{}", String::from_utf8_lossy(&Command::new(&me).arg("twice").output()?.stdout));
    let handles: Vec<_> = (0..16u32).map(|i| std::thread::spawn(move || {
        let name = format!("/tmp/r{}-{}", std::process::id(), i);
        std::fs::write(&name, "x").unwrap();
        let path = CString::new(name.as_str()).unwrap();
        let result = unsafe { chown(path.as_ptr(), i * 10, i) } == 0;
        std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o4711)).ok();
        let m = std::fs::metadata(&name).unwrap();
        std::fs::remove_file(&name).unwrap();
        format!("{} {} {} {:o}", result, m.uid(), m.gid(), m.mode())
    })).collect();
    for handle in handles {
        println!("{}", handle.join().unwrap());
    }
    symlink("nowhere", "/tmp/r-link").and_then(|_| std::fs::remove_file("/tmp/r-link"))
}
