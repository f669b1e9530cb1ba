package org.vcpusim.cli;

import org.vcpusim.sim.ProgramVersion;
import picocli.CommandLine.IVersionProvider;

/** The text of {@code vcpusim --version}: the program's version and the JVM. */
final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() {
        return new String[] {"vcpusim " + ProgramVersion.running(), jvm()};
    }

    private static String jvm() {
        return "JVM " + System.getProperty("java.runtime.version") + " (" + System.getProperty("java.vm.name") + ", "
                + System.getProperty("java.vendor") + ")";
    }
}
