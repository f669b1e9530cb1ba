package org.vcpusim.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.IVersionProvider;

/** The text of {@code vcpusim --version}: the program's version, which the build writes into a resource, and the JVM. */
final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() throws IOException {
        return new String[] {"vcpusim " + programVersion(), jvm()};
    }

    /** The version of this program alone. */
    static String program() {
        try {
            return programVersion();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String programVersion() throws IOException {
        try (InputStream in = Version.class.getResourceAsStream("version.txt")) {
            if (in == null) {
                throw new IllegalStateException("version.txt is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    private static String jvm() {
        return "JVM " + System.getProperty("java.runtime.version") + " (" + System.getProperty("java.vm.name") + ", "
                + System.getProperty("java.vendor") + ")";
    }
}
