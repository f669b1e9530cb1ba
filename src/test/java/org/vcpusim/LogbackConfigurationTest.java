package org.vcpusim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.core.joran.spi.JoranException;
import ch.qos.logback.core.status.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.MDC;

/** {@code conf/logback.xml}: what it writes, and that it litters nothing when no log file is asked for. */
class LogbackConfigurationTest {

    @TempDir
    private Path directory;

    @Test
    void withoutALogFileNothingIsWrittenToDisk() throws JoranException, IOException {
        LoggerContext context = new LoggerContext();
        configure(context);
        context.getLogger("org.vcpusim.actor.VmActor").debug("too quiet to be seen");
        context.stop();
        assertEquals(List.of(), complaints(context));
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void aLogFileReceivesTheLinesWithTheirVmAndVcpu() throws JoranException, IOException {
        Path file = directory.resolve("logs").resolve("run.log");
        LoggerContext context = new LoggerContext();
        context.putProperty("vcpusim.log.file", file.toString());
        configure(context);
        try (MDC.MDCCloseable vm = MDC.putCloseable("vm", "vm0");
                MDC.MDCCloseable vcpu = MDC.putCloseable("vcpu", "vcpu1")) {
            context.getLogger("org.apache.pekko.actor").info("below its level");
            context.getLogger("org.vcpusim.actor.VcpuActor").info("kicked");
        }
        context.stop();
        assertEquals(List.of(), complaints(context));
        List<String> lines = Files.readAllLines(file);
        assertEquals(1, lines.size(), lines::toString);
        assertEquals("INFO  o.v.actor.VcpuActor [vm0 vcpu1 -] kicked", lines.get(0));
    }

    private static void configure(LoggerContext context) throws JoranException {
        context.setMDCAdapter(MDC.getMDCAdapter());
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        configurator.doConfigure(Path.of("conf", "logback.xml").toFile());
    }

    private static List<String> complaints(LoggerContext context) {
        return context.getStatusManager().getCopyOfStatusList().stream()
                .filter(status -> status.getEffectiveLevel() >= Status.WARN)
                .map(Status::toString)
                .toList();
    }
}
