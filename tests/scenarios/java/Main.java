import java.nio.file.*;
import java.nio.file.attribute.*;

public class Main {
    public static void main(String[] arguments) throws Exception {
        Path file = Files.createTempFile("j", "x");
        System.out.println(Files.getOwner(file) + " " + Files.getAttribute(file, "unix:uid") + " " + System.getProperty("user.name"));
        UserPrincipal daemon = file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("www-data");
        try {
            Files.setOwner(file, daemon);
            System.out.println("now " + Files.getOwner(file));
        } catch (FileSystemException e) {
            System.out.println("refused: " + e.getReason());
        }
        Files.delete(file);
        Process process = new ProcessBuilder("/bin/sh", "-c", "id -u; exit 3").redirectErrorStream(true).start();
        System.out.print(new String(process.getInputStream().readAllBytes()));
        System.out.println("status " + process.waitFor());
    }
}
